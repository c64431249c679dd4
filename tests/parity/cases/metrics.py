# SPDX-License-Identifier: Apache-2.0
"""Metrics, each on the same predictions of the same rows. `voting` with one voter hands predictions to the metrics as they are."""

import sklearn.metrics as m

from case import case
from datasets import load

REASON = "sums run in another order"


def judged(function, name, **options):
    def answer(train, target, test):
        truth = load(name).test_rows[1]
        if function in (m.roc_auc_score, m.log_loss):
            columns = [column for column in test if column.startswith("probability:")]
            shares = test[columns].to_numpy()
            if function is m.log_loss:
                return function(truth, shares, labels=[column.split(":", 1)[1] for column in columns])
            if len(columns) == 2:
                return function(truth == columns[1].split(":", 1)[1], shares[:, 1])
            return function(truth, shares, multi_class="ovr")
        predicted = test["prediction"].to_numpy() if hasattr(test, "columns") else test[:, 0]
        return function(truth, predicted, **options)
    answer.__doc__ = function.__name__ + (f"({', '.join(f'{k}={v!r}' for k, v in options.items())})" if options else "")
    return answer


def row(metric, function, on, op="voting", **options):
    params = {"voting": "soft"} if op == "voting" else {}
    return case(op, params, on=on, peer=judged(function, on, **options), compare=f"score:{metric}", tolerance=1e-12, reason=REASON)


TWO, THREE, VALUES = "predictions:cancer", "predictions:wine", "forecasts:diabetes"
POSITIVE = {"pos_label": "malignant"}

CASES = [
    row("accuracy", m.accuracy_score, THREE),
    row("balanced_accuracy", m.balanced_accuracy_score, THREE),
    row("f1_macro", m.f1_score, THREE, average="macro"),
    row("f1_micro", m.f1_score, THREE, average="micro"),
    row("f1_weighted", m.f1_score, THREE, average="weighted"),
    row("precision_macro", m.precision_score, THREE, average="macro"),
    row("recall_macro", m.recall_score, THREE, average="macro"),
    row("mcc", m.matthews_corrcoef, THREE),
    row("roc_auc", m.roc_auc_score, THREE),
    row("log_loss", m.log_loss, THREE),
    row("f1", m.f1_score, TWO, **POSITIVE),
    row("precision", m.precision_score, TWO, **POSITIVE),
    row("recall", m.recall_score, TWO, **POSITIVE),
    row("mcc", m.matthews_corrcoef, TWO),
    row("roc_auc", m.roc_auc_score, TWO),
    row("log_loss", m.log_loss, TWO),
    row("r2", m.r2_score, VALUES, "voting_regressor"),
    row("mae", m.mean_absolute_error, VALUES, "voting_regressor"),
    row("mse", m.mean_squared_error, VALUES, "voting_regressor"),
    row("rmse", m.root_mean_squared_error, VALUES, "voting_regressor"),
    row("median_absolute_error", m.median_absolute_error, VALUES, "voting_regressor"),
    row("explained_variance", m.explained_variance_score, VALUES, "voting_regressor"),
]
