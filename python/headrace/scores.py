# SPDX-License-Identifier: Apache-2.0
"""Scores of predictions by the program's names of metrics, for Python operators. scikit-learn computes what is not simple."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

import pyarrow as pa

from headrace import tables
from headrace.errors import error
from headrace.objects import Metrics

_AVERAGES = {"": "binary", "_macro": "macro", "_micro": "micro", "_weighted": "weighted"}


def scores(names: Sequence[str], predicted: pa.Table, truth: pa.Table, kind: str) -> Metrics:
    """Errors: Unsupported for a metric that does not judge this kind, Environment without scikit-learn."""
    if kind == "regressor":
        return _of_values(names, predicted, truth)
    if kind == "classifier":
        return _of_classes(names, predicted, truth)
    raise error("Unsupported", f"a {kind} has no score", "end the path in a classifier or regressor")


def _of_values(names: Sequence[str], predicted: pa.Table, truth: pa.Table) -> Metrics:
    import numpy

    goal, guess = tables.target_reals(truth), numpy.asarray(predicted.column("prediction"), dtype=float)
    weights = tables.weights(truth)
    library = _sklearn_metrics()

    def root(*data: Any, **options: Any) -> float:
        return float(numpy.sqrt(library.mean_squared_error(*data, **options)))

    known: Dict[str, Callable[..., Any]] = {
        "r2": library.r2_score,
        "mse": library.mean_squared_error,
        "rmse": root,
        "mae": library.mean_absolute_error,
        "median_absolute_error": library.median_absolute_error,
        "explained_variance": library.explained_variance_score,
    }
    found = {name: float(_known(known, name)(goal, guess, sample_weight=weights)) for name in names or ["r2"]}
    return Metrics(found, truth.num_rows)


def _of_classes(names: Sequence[str], predicted: pa.Table, truth: pa.Table) -> Metrics:
    import numpy

    goal, guess = tables.target_classes(truth), predicted.column("prediction").to_pylist()
    shares = [index for index, field in enumerate(predicted.schema) if field.name.startswith("probability:")]
    classes = [predicted.field(index).name[len("probability:") :] for index in shares] or tables.sorted_classes([*goal, *guess])
    matrix = numpy.column_stack([predicted.column(index).to_numpy() for index in shares]) if shares else None
    weights = tables.weights(truth)
    found = {name: _class_score(name, goal, guess, classes, matrix, weights) for name in names or ["accuracy"]}
    everything = classes if set(goal) <= set(classes) else tables.sorted_classes([*classes, *goal])
    place = {name: index for index, name in enumerate(everything)}
    counts = [0] * len(everything) ** 2
    for true, said in zip(goal, guess):
        counts[place[true] * len(everything) + place[said]] += 1
    return Metrics(found, truth.num_rows, everything, counts)


def _class_score(name: str, goal: List[str], guess: List[str], classes: List[str], shares: Optional[Any], weights: Optional[Any]) -> float:
    library = _sklearn_metrics()
    if name in ("accuracy", "balanced_accuracy", "mcc"):
        of = {"accuracy": library.accuracy_score, "balanced_accuracy": library.balanced_accuracy_score, "mcc": library.matthews_corrcoef}
        return float(of[name](goal, guess, sample_weight=weights))
    if name in ("log_loss", "roc_auc"):
        if shares is None:
            raise error("Unsupported", f"{name} needs probabilities", "choose a classifier that gives them")
        place = {label: index for index, label in enumerate(classes)}
        codes = [place[label] for label in goal]
        if name == "log_loss":
            return float(library.log_loss(codes, shares, labels=list(range(len(classes))), sample_weight=weights))
        if len(classes) == 2:
            return float(library.roc_auc_score(codes, shares[:, 1], sample_weight=weights))
        return float(library.roc_auc_score(codes, shares, multi_class="ovr", labels=list(range(len(classes))), sample_weight=weights))
    base, _, average = name.partition("_")
    of = {"f1": library.f1_score, "precision": library.precision_score, "recall": library.recall_score}
    kind = _AVERAGES.get(f"_{average}" if average else "", "")
    options: Dict[str, Any] = {"pos_label": classes[-1]} if kind == "binary" and len(classes) == 2 else {}
    if base not in of or not kind or (kind == "binary" and len(classes) != 2):
        raise error("Unsupported", f"'{name}' does not judge a Python classifier of {len(classes)} classes", "choose another metric")
    return float(of[base](goal, guess, average=kind, sample_weight=weights, zero_division=0, **options))


def _known(known: Dict[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
    if name not in known:
        raise error("Unsupported", f"'{name}' does not judge a Python regressor", "choose one of: " + ", ".join(known))
    return known[name]


def _sklearn_metrics() -> Any:
    try:
        import sklearn.metrics
    except ImportError:
        raise error("Environment", "scoring a Python operator needs scikit-learn", "pip install 'headrace[sklearn]'") from None
    return sklearn.metrics
