# SPDX-License-Identifier: Apache-2.0
"""case(...): one row of the parity table.

    case("ridge", {"alpha": 0.5}, on="diabetes", peer=Ridge(alpha=0.5), compare="value", tolerance=1e-9,
         reason="normal equations against singular values")

The operator is fitted on the training rows of `on`, the peer too, and both are asked about the test rows:

compare              peer says                      difference
transform            transform                      largest |a - b| / max(1, |b|) of all entries
fit_transform        fit_transform of the training rows     the same
value                predict                        the same
probability          predict_proba                  the same
decision             decision_function              the same
predict              predict                        share of rows that differ
score:METRIC         the scorer of that name        |a - b|
model:TENSOR         `attribute` of the fitted peer as |a - b| / max(1, |b|); shapes must agree
split                split of all rows              any difference fails; split_sizes compares only how many rows

`attribute` is a function of the fitted peer. `give` names tensors of our model that are set from the fitted peer, for operators
whose random numbers differ: {"weights": lambda peer: peer.random_weights_}; then only transform is compared. `up_to="sign"`: columns may
be negated; `up_to="names"`: clusters may be numbered otherwise. `peer` may also be a function (train_x, train_y, test_x) -> array.
"""

import json

import numpy as np
import pandas as pd

SCORERS = {"mcc": "matthews_corrcoef", "mae": "neg_mean_absolute_error", "mse": "neg_mean_squared_error",
           "rmse": "neg_root_mean_squared_error", "log_loss": "neg_log_loss"}


def case(op, params, *, on, peer, compare, tolerance, reason, attribute=None, give=None, up_to="", note="", seed=0):
    on = [on] if isinstance(on, str) else list(on)
    return {"op": op, "params": params, "on": on, "peer": peer, "compare": compare, "tolerance": tolerance, "reason": reason,
            "attribute": attribute, "give": give or {}, "up_to": up_to, "note": note, "seed": seed, "make": make}


def dense(values):
    values = values.toarray() if hasattr(values, "toarray") else values
    return np.asarray(values)


def score(peer, metric, features, target):
    import sklearn.metrics
    if metric == "inertia":  # of clusterers; scikit-learn has no scorer for it
        return -peer.score(features)
    name = SCORERS.get(metric, metric)
    value = sklearn.metrics.get_scorer(name)(peer, features, target)
    return -value if name.startswith("neg_") else value


def ask(case, data):
    """The peer's answer, and the fitted peer."""
    first = data[case["on"][0]]
    features, target = first.train_rows
    tests, truths = first.test_rows
    peer, compare = case["peer"], case["compare"]
    if not hasattr(peer, "fit") and not hasattr(peer, "split"):
        return peer(features, target, tests), None
    if compare in ("split", "split_sizes"):
        groups = first.groups
        every, targets = first.all_rows
        return [[train, test] for train, test in peer.split(every, targets, groups)], None
    if compare == "fit_transform":
        return dense(peer.fit_transform(features, target)), peer
    peer.fit(features, target)
    if compare.startswith("score:"):
        return score(peer, compare.split(":", 1)[1], tests, truths), peer
    if compare.startswith("model:"):
        return dense(case["attribute"](peer)), peer
    method = {"transform": "transform", "value": "predict", "predict": "predict", "probability": "predict_proba",
              "decision": "decision_function"}[compare]
    return dense(getattr(peer, method)(tests)), peer


def peer_text(peer):
    return " ".join(repr(peer).split()) if hasattr(peer, "fit") or hasattr(peer, "split") else (peer.__doc__ or "").strip()


def make(case, data, folder):
    """Writes the reference values and returns the row for cases.json."""
    answer, peer = ask(case, data)
    row = {key: case[key] for key in ("id", "op", "params", "on", "compare", "tolerance", "reason", "up_to", "note", "seed")}
    row["peer"] = peer_text(case["peer"])
    row["give"] = {}
    for name, attribute in case["give"].items():
        row["give"][name] = f"{case['id']}.{name}.npy"
        np.save(folder / row["give"][name], np.ascontiguousarray(attribute(peer)))
    if case["compare"] in ("split", "split_sizes"):
        row["folds"] = [[side.tolist() for side in map(np.sort, fold)] for fold in answer]
    elif case["compare"].startswith("score:"):
        row["score"] = float(answer)
    elif case["compare"] == "predict":
        row["classes"] = [text(value) for value in answer]
    else:
        row["reference"] = f"{case['id']}.npy"
        np.save(folder / row["reference"], np.ascontiguousarray(pd.DataFrame(answer).to_numpy(dtype=np.float64) if answer.ndim == 2
                                                                else answer.astype(np.float64)))
    json.dumps(row)
    return row


def text(value):
    """A class name as the tables print it: whole numbers without a fraction."""
    return str(int(value)) if isinstance(value, (int, float, np.integer, np.floating)) and float(value).is_integer() else str(value)
