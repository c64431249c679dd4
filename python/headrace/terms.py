# SPDX-License-Identifier: Apache-2.0
"""The pipeline algebra as Python expressions.

``a >> b`` sequence, ``a | b`` alternatives (both run, results united), ``a & b`` (both run, results joined), ``3 * a`` replicas.
Terms are values: every operation makes a new one. As in C++ and Python alike, ``>>`` binds tighter than ``&``, and ``&`` tighter
than ``|``; printed terms have the brackets that make them read the same everywhere.

>>> term = op.csv("data", path="d.csv") >> op.pca(components=grid(5, 15)) >> (op.random_forest() | op.logistic_regression())
>>> print(term)
data >> pca{components: [5, 15]} >> (random_forest | logistic_regression)
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from headrace.errors import HeadraceError, error
from headrace.nodes import Node, check_annotations, inputs_of, is_grid, node_of
from headrace.values import Value, plain

if TYPE_CHECKING:
    from headrace.pipeline import Pipeline

NODE, SEQUENCE, ALTERNATIVES, JOIN, REPLICATE, PICK = "node", "sequence", "alternatives", "join", "replicate", "pick"
_BINARY = (SEQUENCE, ALTERNATIVES, JOIN)
_SIGNS = {SEQUENCE: " >> ", ALTERNATIVES: " | ", JOIN: " & "}
_LEVELS = {JOIN: 1, ALTERNATIVES: 2, SEQUENCE: 3}


class Term:
    """A part of a pipeline. Make one with `node`, `op` or `pick`, and combine them."""

    __slots__ = ("kind", "parts", "leaf", "times", "metric")

    def __init__(self, kind: str, parts: Tuple["Term", ...] = (), leaf: Optional[Node] = None, times: int = 1, metric: str = "") -> None:
        self.kind = kind
        self.parts = parts
        self.leaf = leaf
        self.times = times
        self.metric = metric

    def __rshift__(self, then: "Term") -> "Term":
        out: Term = _binary(SEQUENCE, self, then)
        return out

    def __or__(self, other: "Term") -> "Term":
        out: Term = _binary(ALTERNATIVES, self, other)
        return out

    def __and__(self, other: "Term") -> "Term":
        out: Term = _binary(JOIN, self, other)
        return out

    def __rmul__(self, times: int) -> "Term":
        if isinstance(times, bool) or not isinstance(times, int):
            return NotImplemented
        return Term(REPLICATE, (self,), times=times)

    def __bool__(self) -> bool:
        raise TypeError("a term is neither true nor false; combine terms with >>, | and &, not with 'and' and 'or'")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Term):
            return NotImplemented
        mine, theirs = operands(self, self.kind), operands(other, other.kind)
        if self.kind != other.kind or len(mine) != len(theirs):
            return False
        if self.kind in _BINARY:
            return all(a == b for a, b in zip(mine, theirs))
        return (self.leaf, self.times, self.metric, self.parts) == (other.leaf, other.times, other.metric, other.parts)

    __hash__ = None  # type: ignore[assignment]

    @property
    def name(self) -> str:
        """The name of a single node. Errors: BadTerm for a larger term."""
        return self._sole().name

    @property
    def params(self) -> Dict[str, Value]:
        """The parameters of a single node."""
        return dict(self._sole().params)

    def _sole(self) -> Node:
        if self.leaf is None:
            raise error("BadTerm", f"this is a term of several nodes: {self}", "ask one of its nodes")
        return self.leaf

    def named(self, name: str) -> "Term":
        """The same single node under another name.

        >>> (op.pca() | op.pca(components=3).named("small"))
        Term: pca | small
        """
        node = self._sole()
        return Term(NODE, leaf=node_of(name, node.to_value()))

    def grid(self, **values: Iterable[Any]) -> "Term":
        """One alternative a value of a parameter. Of a term of several nodes say which: ``grid(**{"pca.components": [5, 15]})``.

        >>> op.logistic_regression("lr").grid(C=[0.1, 1.0])
        Term: lr{C: [0.1, 1.0]}
        """
        out = self
        for key, points in values.items():
            out = out._with_param(key, {"grid": plain(list(points), key)})
        return out

    def _with_param(self, key: str, value: Value) -> "Term":
        only, dot, name = key.partition(".")
        if not dot:
            only, name = "", key
        found = []

        def change(node: Node) -> Node:
            if node.name != only if only else self.kind != NODE:
                return node
            found.append(node.name)
            return replace(node, params={**node.params, name: value})

        out = _with_leaves(self, change)
        if not found:
            what = f"the grid names node '{only}', which is not in the term" if only else f"the grid of '{name}' must say of which node"
            raise error("BadTerm", what, "write it as node.param")
        return out

    def with_(self, **annotations: Any) -> "Term":
        """The same term with annotations on each of its nodes.

        >>> op.pca().with_(retries=2, shard=4).pipeline("p").nodes[0].annotations
        {'retries': 2, 'shard': 4}
        """
        notes = {key: plain(value, key) for key, value in annotations.items()}
        check_annotations("of the term", notes)
        return _with_leaves(self, lambda node: replace(node, annotations={**node.annotations, **notes}))

    def nodes(self) -> List[Node]:
        """Its nodes as written, from left to right."""
        out: List[Node] = []

        def take(node: Node) -> Node:
            out.append(node)
            return node

        _with_leaves(self, take)
        return out

    def pipeline(self, name: str = "pipeline", seed: int = 0) -> "Pipeline":
        """The pipeline that this term is."""
        from headrace.pipeline import pipeline

        return pipeline(name, self, seed=seed)

    def evaluate(self, **options: Any) -> "Pipeline":
        """The pipeline that this term is, judged under folds: see `Pipeline.evaluate`."""
        return self.pipeline().evaluate(**options)

    def __str__(self) -> str:
        if self.kind == NODE:
            node = self._sole()
            return (f"{node.replicas} * " if node.replicas > 1 else "") + node.name + _grids_text(node)
        if self.kind in _BINARY:
            return self._chain_text()
        if self.kind == REPLICATE:
            inner = self.parts[0]
            return f"{self.times} * {inner if inner.kind in (NODE, REPLICATE) else f'({inner})'}"
        return f"pick({self.metric})"

    def _chain_text(self) -> str:
        strength = _LEVELS[self.kind]
        texts = []
        for part in operands(self, self.kind):
            level = _LEVELS.get(part.kind, 0)
            brackets = level > strength or (strength == 3 and level > 0)
            texts.append(f"({part})" if brackets else str(part))
        return _SIGNS[self.kind].join(texts)

    def __repr__(self) -> str:
        return f"Term: {self}"

    def _repr_html_(self) -> str:
        return self.pipeline()._repr_html_()


def _binary(kind: str, left: Term, right: object) -> Any:
    if not isinstance(right, Term):
        return NotImplemented
    return Term(kind, (left, right))


def operands(term: Term, kind: str) -> List[Term]:
    """The parts of a chain of one operator, without recursion: (a >> b) >> c and a >> (b >> c) are both a, b, c."""
    out: List[Term] = []
    open_ = [term]
    while open_:
        part = open_.pop()
        if part.kind == kind and len(part.parts) == 2:
            open_.extend((part.parts[1], part.parts[0]))
        else:
            out.append(part)
    return out


def _with_leaves(term: Term, change: Callable[[Node], Node]) -> Term:
    if term.leaf is not None:
        return Term(NODE, leaf=change(term.leaf))
    if len(term.parts) == 2:
        parts = [_with_leaves(part, change) for part in operands(term, term.kind)]
        out = parts[0]
        for part in parts[1:]:
            out = Term(term.kind, (out, part))
        return out
    return Term(term.kind, tuple(_with_leaves(part, change) for part in term.parts), times=term.times, metric=term.metric)


def _grids_text(node: Node) -> str:
    shown = []
    for key, value in node.params.items():
        if is_grid(value):
            values = value["grid"]
            shown.append(f"{key}: {_json(values if isinstance(values, list) else value)}")
    return "{" + ", ".join(shown) + "}" if shown else ""


def _json(value: Value) -> str:
    def finite(item: Value) -> Value:
        if isinstance(item, float) and not math.isfinite(item):
            return None
        if isinstance(item, list):
            return [finite(inner) for inner in item]
        return {key: finite(inner) for key, inner in item.items()} if isinstance(item, dict) else item

    return json.dumps(finite(value), ensure_ascii=False)


# --- making terms ----------------------------------------------------------------------------------------------------------


class Grid:
    """Values that a parameter takes in turn; made by `grid` and `grid_range`."""

    def __init__(self, points: Value) -> None:
        self.points = points

    def as_value(self) -> Value:
        return {"grid": self.points}

    def __repr__(self) -> str:
        return f"Grid({self.points!r})"


def grid(*values: Any) -> Grid:
    """One alternative a value, wherever a parameter's value stands.

    >>> op.pca(components=grid(5, 15)).params
    {'components': {'grid': [5, 15]}}
    """
    if not values:
        raise error("BadGrid", "a grid needs at least one value", "for example hr.grid(5, 15)")
    return Grid(plain(list(values), "a grid"))


def grid_range(start: Any, stop: Any, steps: int, scale: str = "linear") -> Grid:
    """A grid of `steps` numbers from `start` to `stop`, both included; `scale` is "linear" or "log".

    >>> op.ridge(alpha=grid_range(1e-3, 1e3, steps=7, scale="log")).params["alpha"]["grid"]["steps"]
    7
    """
    return Grid(plain({"from": start, "to": stop, "steps": steps, "scale": scale}, "a grid"))


From = Union[str, Term, Sequence[Union[str, Term, Sequence[Union[str, Term]]]]]


def node(name: str, /, *, op: str, from_: Optional[From] = None, params: Optional[Mapping[str, Any]] = None, **options: Any) -> Term:
    """One node: a name, an operator, parameters and annotations by keyword.

    Parameters that bear the name of an annotation go into `params`. `from_` wires by name (see `headrace.pipeline`); nodes that
    are combined with >>, | and & have none.

    >>> node("pca", op="pca", components=grid(5, 15), retries=2)
    Term: pca{components: [5, 15]}
    """
    inputs = inputs_of(_names(from_)) if from_ is not None else ()
    if params is not None:
        options["params"] = params
    options["op"] = op
    return Term(NODE, leaf=node_of(name, options, inputs))


def _names(value: Any) -> Any:
    if isinstance(value, Term):
        return value.name
    return [_names(item) for item in value] if isinstance(value, (list, tuple)) else value


def pick(metric: str) -> Term:
    """Ends a pipeline: the score that ranks its paths.

    >>> op.csv(path="d.csv", target="y") >> (op.ridge() | op.svr()) >> pick("r2")
    Term: csv >> (ridge | svr) >> pick(r2)
    """
    return Term(PICK, metric=metric)


class OperatorMaker:
    """Makes nodes of one operator; the name of the node is the operator's unless another is given first."""

    def __init__(self, operator: str) -> None:
        self._operator = operator

    def __call__(
        self, name: Optional[str] = None, /, *, from_: Optional[From] = None, params: Optional[Mapping[str, Any]] = None, **options: Any
    ) -> Term:
        return node(self._operator if name is None else name, op=self._operator, from_=from_, params=params, **options)

    def __repr__(self) -> str:
        return f"headrace.op.{self._operator}"

    def describe(self) -> Dict[str, Any]:
        """The operator's row: what it does, takes and gives, and its options. Asks the program."""
        from headrace.queries import ops

        return ops(self._operator)


class Operators:
    """Every operator as an attribute: ``op.pca(components=5)``, ``op.csv("digits", path=...)``."""

    def __getattr__(self, name: str) -> OperatorMaker:
        if name.startswith("_"):
            raise AttributeError(name)
        return OperatorMaker(name)

    def __getitem__(self, name: str) -> OperatorMaker:
        return OperatorMaker(name)

    def __dir__(self) -> List[str]:
        from headrace.queries import ops

        try:
            return [row["name"] for row in ops()["operators"]]
        except HeadraceError:  # completion in an editor must not fail where the program is not installed
            return []


op = Operators()
