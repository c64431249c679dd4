# SPDX-License-Identifier: Apache-2.0
"""A term compiled to nodes, by the rules of the program.

A part of a term is given the inputs of its first nodes and returns what it gives, in the form a node has its inputs in: a join of
unions. Only a join inside an alternative does not fit that form, and becomes a node of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Set, Tuple

from headrace.errors import error
from headrace.nodes import Input, Node
from headrace.terms import ALTERNATIVES, JOIN, NODE, PICK, REPLICATE, SEQUENCE, Term, operands

_NODES_MAX = 250_000
_DEPTH_MAX = 200
_REPLICAS_MAX = 100_000

Gives = Tuple[Input, ...]


def build(term: Term) -> Tuple[Tuple[Node, ...], Optional[str]]:
    """The nodes of a term, wired, and the metric of its `pick`. Errors: BadTerm, NameClash, TooLarge."""
    compiler = _Compiler()
    compiler.reserve(term, 0)
    parts = operands(term, SEQUENCE)
    metric = None
    if parts[-1].kind == PICK:
        metric = parts.pop().metric
        if not parts:
            raise error("BadTerm", "there is nothing to pick from", "write (a | b) >> pick('accuracy')")
    gives: Gives = ()
    for part in parts:
        gives = compiler.compile(part, gives)
    compiler.close(gives)
    return tuple(compiler.nodes), metric


class _Compiler:
    def __init__(self) -> None:
        self.nodes: List[Node] = []
        self._ops: Dict[str, str] = {}  # names written in the term
        self._taken: Set[str] = set()
        self._next: Dict[str, int] = {}

    def reserve(self, term: Term, depth: int) -> None:
        """Names written in the term are taken: copies get others."""
        if depth > _DEPTH_MAX:
            raise error("BadTerm", f"a term is nested more than {_DEPTH_MAX} deep")
        if term.leaf is not None:
            self._reserve_node(term.leaf)
            return
        parts = operands(term, term.kind) if len(term.parts) == 2 else term.parts
        for part in parts:
            self.reserve(part, depth + 1)

    def _reserve_node(self, node: Node) -> None:
        if node.inputs:
            raise error("BadTerm", f"node {node.name} has a 'from', but the pipeline is wired by its term", "keep one of them")
        if self._ops.setdefault(node.name, node.op) != node.op:
            raise error(
                "NameClash",
                f"'{node.name}' is an operator {self._ops[node.name]} in one place and {node.op} in another",
                "give them two names",
            )

    def compile(self, term: Term, given: Gives, times: int = 1) -> Gives:
        if term.kind == NODE:
            assert term.leaf is not None
            return self._node(term.leaf, given, times)
        if term.kind == SEQUENCE:
            for part in operands(term, SEQUENCE):
                given = self.compile(part, given)
            return given
        if term.kind == ALTERNATIVES:
            return (self._united(operands(term, ALTERNATIVES), given),)
        if term.kind == JOIN:
            return tuple(one for part in operands(term, JOIN) for one in self.compile(part, given))
        if term.kind == REPLICATE:
            return self._replicas(term, given, times)
        raise error("BadTerm", "'pick' must come last, after the whole pipeline", "write (a | b) >> pick('accuracy')")

    def close(self, gives: Gives) -> Gives:
        return gives if len(gives) <= 1 else self._node(Node("join", "join"), gives, 1)

    def _united(self, parts: List[Term], given: Gives) -> Input:
        return tuple(name for part in parts for name in self.close(self.compile(part, given))[0])

    def _node(self, node: Node, given: Gives, times: int) -> Gives:
        if len(self.nodes) >= _NODES_MAX:
            raise error("TooLarge", f"a term makes more than {_NODES_MAX} nodes", "replicate less")
        copies = node.replicas * times
        if copies > _REPLICAS_MAX:
            raise error("BadTerm", f"node {node.name} would be replicated more than {_REPLICAS_MAX} times")
        name = self._unique(node.name, copies)
        self.nodes.append(replace(node.with_replicas(copies), name=name, inputs=given))
        return ((name,),)

    def _unique(self, name: str, replicas: int) -> str:
        """The first use of a name keeps it; the next is name#2, or further when replicas have that number."""
        number = self._next.get(name, 0)
        if number == 0 and name not in self._taken:
            self._taken.add(name)
            self._next[name] = replicas + 1
            return name
        number = max(number, 2)
        while True:
            copy = f"{name}#{number}"
            number += 1
            if copy not in self._taken and copy not in self._ops:
                break
        self._next[name] = number
        self._taken.add(copy)
        return copy

    def _replicas(self, term: Term, given: Gives, outer: int) -> Gives:
        """One node is replicated by its annotation; a larger term is repeated, as alternatives."""
        times = term.times * outer
        if term.times < 1 or times > _REPLICAS_MAX:
            raise error("BadTerm", f"a term cannot be replicated {times} times", f"use 1 to {_REPLICAS_MAX}")
        part = term.parts[0]
        if part.kind in (NODE, REPLICATE):
            return self.compile(part, given, times)
        return (self._united([part] * times, given),)
