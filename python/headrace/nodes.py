# SPDX-License-Identifier: Apache-2.0
"""Nodes of a pipeline as plain values, and how they are written in a pipeline file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from headrace.errors import error
from headrace.values import Value, plain

#: Keys of a node that say how it is run (docs/reference/pipeline-options.md); a test compares them with the program.
ANNOTATIONS: Tuple[str, ...] = (
    "combine",
    "firing",
    "state",
    "shard",
    "replicas",
    "resources",
    "gang",
    "retries",
    "timeout",
    "priority",
    "cache",
    "on_error",
    "prune",
)
NODE_KEYS: Tuple[str, ...] = ("op", "from", "params", "annotate", "seed_name")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(#[0-9]+)?\Z")

#: One input: the names of the nodes that are united there.
Input = Tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """One node as written: an operator, its parameters and annotations, and the nodes it reads."""

    name: str
    op: str
    params: Mapping[str, Value] = field(default_factory=dict)
    annotations: Mapping[str, Value] = field(default_factory=dict)
    inputs: Tuple[Input, ...] = ()
    seed_name: str = ""

    @property
    def replicas(self) -> int:
        value = self.annotations.get("replicas", 1)
        return value if isinstance(value, int) else 1

    def with_replicas(self, replicas: int) -> "Node":
        notes = {key: value for key, value in self.annotations.items() if key != "replicas"}
        if replicas != 1:
            notes["replicas"] = replicas
        return replace(self, annotations=notes)

    def to_value(self) -> Dict[str, Value]:
        """The map that stands behind the name in a pipeline file."""
        out: Dict[str, Value] = {"op": self.op}
        if self.inputs:
            out["from"] = _inputs_value(self.inputs)
        inside = {key: value for key, value in self.params.items() if key in ANNOTATIONS or key in NODE_KEYS}
        out.update((key, value) for key, value in self.params.items() if key not in inside)
        if inside:
            out["params"] = inside
        out.update(self.annotations)
        if self.seed_name:
            out["seed_name"] = self.seed_name
        return out


def is_grid(value: Value) -> bool:
    return isinstance(value, dict) and list(value) == ["grid"]


def check_name(name: str) -> str:
    if not isinstance(name, str) or not _NAME.match(name):
        raise error("BadValue", f"'{name}' is no name for a node", "use a letter or '_', then letters, digits, '_' and '-'")
    return name


def check_annotations(name: str, notes: Mapping[str, Value]) -> None:
    """What the builder itself relies on; the program checks everything else."""
    for key, value in notes.items():
        if key not in ANNOTATIONS:
            raise error("UnknownKey", f"node {name}: no annotation is called '{key}'", "known are: " + ", ".join(ANNOTATIONS))
        if is_grid(value):
            raise error("BadGrid", f"node {name}: annotation '{key}' takes no grid", "grids are for parameters of the operator")


def node_of(name: str, options: Mapping[str, Any], inputs: Tuple[Input, ...] = ()) -> Node:
    """Sorts the keys of a node into its own, annotations and parameters, as the program does."""
    check_name(name)
    params: Dict[str, Value] = {}
    notes: Dict[str, Value] = {}
    op, seed_name = "", ""

    def put(target: Dict[str, Value], key: str, value: Any) -> None:
        if key in target:
            raise error("NameClash", f"node {name}: '{key}' is given twice", "keep one of them")
        target[key] = plain(value, f"node {name}: {key}")

    for key, value in options.items():
        if key == "op":
            op = _name_of(value, f"node {name}: 'op'")
        elif key == "from":
            inputs = inputs_of(value)
        elif key == "seed_name":
            seed_name = _name_of(value, f"node {name}: 'seed_name'")
        elif key in ("params", "annotate"):
            if not isinstance(value, Mapping):
                raise error("BadValue", f"node {name}: '{key}' must be a map", "write key: value pairs")
            for inner, item in value.items():
                put(params if key == "params" else notes, inner, item)
        else:
            put(notes if key in ANNOTATIONS else params, key, value)
    check_annotations(name, notes)
    if not op:
        raise error("MissingKey", f"node {name} has no 'op'", "name its operator, for example op='pca'")
    return Node(name, op, params, notes, inputs, seed_name)


def inputs_of(value: Any) -> Tuple[Input, ...]:
    """`a`; `[a, b]`: two inputs; `[[a, b], c]`: a and b united, joined with c."""
    if not isinstance(value, (list, tuple)):
        return ((_name_of(value, "'from'"),),)
    out: List[Input] = []
    for item in value:
        names = tuple(_name_of(name, "an input in 'from'") for name in (item if isinstance(item, (list, tuple)) else [item]))
        if not names:
            raise error("BadValue", "an input in 'from' is an empty list", "name at least one node")
        out.append(names)
    return tuple(out)


def names_value(names: Sequence[str]) -> Union[str, List[str]]:
    return names[0] if len(names) == 1 else list(names)


def _inputs_value(inputs: Sequence[Input]) -> Value:
    if len(inputs) == 1 and len(inputs[0]) == 1:
        return inputs[0][0]
    return [names_value(names) for names in inputs]


def _name_of(value: Any, what: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise error("BadValue", f"{what} must be a name")
