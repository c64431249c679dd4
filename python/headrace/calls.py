# SPDX-License-Identifier: Apache-2.0
"""One call of a Python operator: what src/exec/work.cc does for those of packs. Functions, classes, estimators and torch modules."""

from __future__ import annotations

import inspect
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

import pyarrow as pa

from headrace import state
from headrace.errors import error
from headrace.objects import Metrics, Model, TensorSet
from headrace.operators import OPERATOR, OWN_PARAMS, declared_kind, is_estimator, is_torch_module, resolve
from headrace.scores import scores
from headrace.tables import as_table, class_name, predictions

# graph::Phase
READ, SPLIT, TAKE, FIT, UPDATE, TRANSFORM, PREDICT, SCORE, JOIN, STACK, PRUNE = range(11)


@dataclass
class Context:
    """What an operator may know of its call: a parameter named `context` gets it."""

    node: str = ""
    seed: int = 0
    threads: int = 1
    folder: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    on_progress: Optional[Callable[[float], None]] = None

    def progress(self, share: float) -> None:
        """Tells how much is done, 0 to 1."""
        if self.on_progress is not None:
            self.on_progress(share)


@dataclass
class Work:
    """A call: the node's parameters, the phase, and which part of it is asked for."""

    params: Mapping[str, Any]
    phase: int
    piece: int = -1
    wants_output: bool = False
    output_only: bool = False
    metrics: Sequence[str] = ()


def perform(work: Work, inputs: Sequence[Any], model: Optional[Model], context: Context) -> List[Any]:
    """What the phase makes, by slot; a fit gives the model, then its output. Errors: those of the operator."""
    if work.phase == JOIN:
        return [tuple(inputs)]
    flat = [part for one in inputs for part in (one if isinstance(one, tuple) else (one,))]
    adapter = adapter_of(work.params, context)
    if work.phase == READ:
        return [adapter.read(max(0, work.piece))]
    if work.phase == FIT:
        if work.output_only:
            return [None, adapter.transform(model, flat)]
        fitted = adapter.fit(flat)
        return [fitted, adapter.transform(fitted, flat)] if work.wants_output else [fitted]
    if work.phase == UPDATE:
        return [adapter.update(model, flat)]
    if work.phase == TRANSFORM:
        return [adapter.transform(model, flat)]
    if work.phase == PREDICT:
        return [adapter.predict(model, flat)]
    if work.phase == SCORE:
        return [adapter.score(model, flat, work.metrics)]
    raise error("Unsupported", f"a Python worker does not run phase {work.phase}")


class Adapter:
    """How one kind of callable is asked. Each call makes a new one; what a fit learned is in the model."""

    def __init__(self, target: Any, params: Mapping[str, Any], facts: Dict[str, Any], context: Context) -> None:
        self.target = target
        self.params = dict(params)
        self.facts = facts
        self.kind = str(facts["kind"])
        self.context = context
        self.trusted = (target.__module__.partition(".")[0],)

    def unable(self, what: str) -> Exception:
        return error("Unsupported", f"{self.facts['call']} cannot {what}", f"it is a {self.kind}")

    def read(self, piece: int) -> Any:
        raise self.unable("read")

    def fit(self, inputs: Sequence[Any]) -> Model:
        raise self.unable("fit")

    def update(self, model: Optional[Model], inputs: Sequence[Any]) -> Model:
        raise self.unable("learn piece by piece")

    def transform(self, model: Optional[Model], inputs: Sequence[Any]) -> Any:
        raise self.unable("transform")

    def predict(self, model: Optional[Model], inputs: Sequence[Any]) -> pa.Table:
        raise self.unable("predict")

    def score(self, model: Optional[Model], inputs: Sequence[Any], metrics: Sequence[str]) -> Metrics:
        return scores(metrics, self.predict(model, inputs), inputs[0], self.kind)

    def keep(self, what: Any) -> Model:
        return state.to_model(OPERATOR, self.facts, what)

    def kept(self, model: Optional[Model]) -> Any:
        if model is None:
            raise error("Bug", f"{self.facts['call']} was called without its model")
        return state.of_model(model, self.trusted)

    def call(self, function: Callable[..., Any], arguments: Sequence[Any], params: Optional[Mapping[str, Any]] = None) -> Any:
        """Calls user code, with the context where it has a parameter for it."""
        given = dict(params or {})
        try:
            wanted = inspect.signature(function).parameters
        except (TypeError, ValueError):  # built-ins have none
            wanted = {}  # type: ignore[assignment]
        if "context" in wanted:
            given["context"] = self.context
        return function(*arguments, **given)


def adapter_of(params: Mapping[str, Any], context: Context) -> Adapter:
    """Errors: NotFound, Version, MissingKey."""
    call = params.get("call")
    if not isinstance(call, str):
        raise error("MissingKey", "a Python node has no 'call'", "write call: module:name")
    target = resolve(call, params.get("source") or None, params.get("code") or None)
    facts = {"call": call, "kind": params.get("kind") or declared_kind(target), "code": params.get("code") or None}
    own = {key: value for key, value in params.items() if key not in OWN_PARAMS}
    if is_torch_module(target):
        from headrace.torch_module import TorchAdapter

        return TorchAdapter(target, own, facts, context)
    if not inspect.isclass(target):
        return FunctionAdapter(target, own, facts, context)
    if is_estimator(target):
        from headrace.estimators import EstimatorAdapter

        return EstimatorAdapter(target, own, facts, context)
    return ClassAdapter(target, own, facts, context)


def tables_in(inputs: Sequence[Any]) -> List[pa.Table]:
    return [item for item in inputs if isinstance(item, pa.Table)]


def given_back(value: Any, inputs: Sequence[Any]) -> Any:
    """An object from what user code returned."""
    if isinstance(value, (TensorSet, Model, Metrics, bytes)):
        return value
    if isinstance(value, tuple):
        return tuple(given_back(part, inputs) for part in value)
    return as_table(value, tables_in(inputs))


class FunctionAdapter(Adapter):
    def read(self, piece: int) -> Any:
        made = self.call(self.target, (), self.params)
        parts = made if isinstance(made, list) else [made]
        if piece >= len(parts):
            raise error("BadData", f"source {self.context.node} gave {len(parts)} objects")
        return given_back(parts[piece], ())

    def transform(self, model: Optional[Model], inputs: Sequence[Any]) -> Any:
        return given_back(self.call(self.target, inputs, self.params), inputs)


class ClassAdapter(Adapter):
    def instance(self, model: Optional[Model] = None) -> Any:
        made = self.call(self.target, (), self.params)
        if model is not None:
            state.set_state(made, self.kept(model))
        return made

    def fit(self, inputs: Sequence[Any]) -> Model:
        made = self.instance()
        self.call(made.fit if hasattr(made, "fit") else made.partial_fit, inputs)
        return self.keep(state.state_of(made))

    def update(self, model: Optional[Model], inputs: Sequence[Any]) -> Model:
        made = self.instance(model)
        if not hasattr(made, "partial_fit"):
            raise self.unable("learn piece by piece")
        self.call(made.partial_fit, inputs)
        return self.keep(state.state_of(made))

    def read(self, piece: int) -> Any:
        made = self.call(self.instance().read, ())
        parts = made if isinstance(made, list) else [made]
        if piece >= len(parts):
            raise error("BadData", f"source {self.context.node} gave {len(parts)} objects")
        return given_back(parts[piece], ())

    def transform(self, model: Optional[Model], inputs: Sequence[Any]) -> Any:
        made = self.instance(model)
        if hasattr(made, "transform"):
            return given_back(self.call(made.transform, inputs), inputs)
        return self._predictions(made, inputs, as_features=True)

    def predict(self, model: Optional[Model], inputs: Sequence[Any]) -> pa.Table:
        return self._predictions(self.instance(model), inputs, as_features=False)

    def score(self, model: Optional[Model], inputs: Sequence[Any], metrics: Sequence[str]) -> Metrics:
        made = self.instance(model)
        if not hasattr(made, "score"):
            return super().score(model, inputs, metrics)
        found = self.call(made.score, inputs)
        values = found if isinstance(found, Mapping) else {metrics[0] if metrics else "score": float(found)}
        return Metrics({name: float(value) for name, value in values.items()}, inputs[0].num_rows)

    def _predictions(self, made: Any, inputs: Sequence[Any], as_features: bool) -> pa.Table:
        found = self.call(made.predict, inputs)
        if isinstance(found, (pa.Table, pa.RecordBatch, dict)) or hasattr(found, "columns"):
            table = as_table(found, tables_in(inputs))
            if "prediction" not in table.column_names:
                raise error("MissingColumn", f"{self.facts['call']} gave predictions without a column 'prediction'")
            found = table.column("prediction").to_pylist()
        listed: List[Any] = found.tolist() if hasattr(found, "tolist") else list(found)
        if self.kind != "classifier":
            return predictions(inputs[0], [float(value) for value in listed], as_features=as_features)
        names = [class_name(value) for value in listed]
        return predictions(inputs[0], names, classes=sorted(set(names)), as_features=as_features)
