# SPDX-License-Identifier: Apache-2.0
"""The written form of a term, as the key ``term`` of a pipeline file has it. Loosest binding first: >>, |, &, then * and {..}.

>>> from headrace.terms import op
>>> parse_term("csv >> pca{components: [5, 15]} >> (forest | 2 * logistic)", [op.csv(path="d.csv").leaf])
Term: csv >> pca{components: [5, 15]} >> (forest | 2 * logistic)
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Dict, List, Sequence

from headrace.errors import HeadraceError, error
from headrace.nodes import Node, is_grid
from headrace.terms import NODE, Term, pick
from headrace.values import from_yaml, plain

_TEXT_MAX = 16 << 20
_DEPTH_MAX = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_#-]*")
_METRIC = re.compile(r"[A-Za-z0-9_#.@-]*")
_NUMBER = re.compile(r"[0-9]+")
_SPACE = re.compile(r"[ \t\n\r]*")


def parse_term(text: str, nodes: Sequence[Node]) -> Term:
    """Reads a term; names must be among `nodes`, or be operators. Errors: BadTerm, TooLarge."""
    if len(text) > _TEXT_MAX:
        raise error("TooLarge", "a term is longer than 16 MiB")
    return _Parser(text, {node.name: node for node in reversed(nodes)}).run()


class _Parser:
    def __init__(self, text: str, nodes: Dict[str, Node]) -> None:
        self.text = text
        self.nodes = nodes
        self.at = 0
        self.depth = 0

    def run(self) -> Term:
        term = self.sequence()
        self.skip()
        if self.at < len(self.text):
            raise self.wrong("an operator is expected here", "join parts with >>, | or &")
        return term

    def wrong(self, message: str, advice: str = "") -> HeadraceError:
        rest = self.text[self.at :]
        seen = f"'{rest[:20]}'" if rest else "its end"
        return error("BadTerm", f"the term does not parse at character {self.at + 1}, {seen}: {message}", advice)

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def accept(self, sign: str) -> bool:
        self.skip()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def take(self, pattern: "re.Pattern[str]") -> str:
        self.skip()
        found = pattern.match(self.text, self.at)
        if not found:
            return ""
        self.at = found.end()
        return found.group()

    def sequence(self) -> Term:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise self.wrong(f"brackets are nested more than {_DEPTH_MAX} deep")
        out = self.alternatives()
        while self.accept(">>"):
            out = out >> self.alternatives()
        self.depth -= 1
        return out

    def alternatives(self) -> Term:
        out = self.joined()
        while self.accept("|"):
            out = out | self.joined()
        return out

    def joined(self) -> Term:
        out = self.factor()
        while self.accept("&"):
            out = out & self.factor()
        return out

    def factor(self) -> Term:
        times: List[int] = []
        while number := self.take(_NUMBER):
            if not self.accept("*"):
                raise self.wrong("'*' is expected after a number", "write 3 * name")
            times.append(int(number))
        out = self.primary()
        while self.accept("{"):
            out = self.with_parameters(out)
        if times and out.leaf is not None:
            out = Term(NODE, leaf=out.leaf.with_replicas(1))  # the number written here is the number meant
        for number_of in reversed(times):
            out = number_of * out
        return out

    def primary(self) -> Term:
        if self.accept("("):
            out = self.sequence()
            if not self.accept(")"):
                raise self.wrong("')' is expected")
            return out
        name = self.take(_NAME)
        if not name:
            raise self.wrong("a name, a number or '(' is expected")
        if name == "pick" and self.accept("("):
            metric = self.take(_METRIC)
            if not metric:
                raise self.wrong("the name of a metric is expected", "write pick(accuracy)")
            if not self.accept(")"):
                raise self.wrong("')' is expected")
            return pick(metric)
        found = self.nodes.get(name)
        return Term(NODE, leaf=replace(found, inputs=()) if found else Node(name, name))

    def with_parameters(self, term: Term) -> Term:
        """{param: [..]} makes a grid, {param: value} sets it; on a term of several nodes the key is node.param."""
        start = self.at - 1
        self.at = _end_of_braces(self.text, self.at)
        if self.at < 0:
            self.at = len(self.text)
            raise self.wrong("'}' is expected")
        params = from_yaml(self.text[start : self.at])
        if not isinstance(params, dict):
            self.at = start
            raise self.wrong("parameters must be key: value pairs", "for example pca{components: [5, 15]}")
        for key, value in params.items():
            if isinstance(value, list):
                term = term._with_param(key, {"grid": value})
            elif is_grid(value) and isinstance(value["grid"], list):
                term = term._with_param(key, value)
            elif term.leaf is not None:
                term = Term(NODE, leaf=replace(term.leaf, params={**term.leaf.params, key: plain(value)}))
            else:
                self.at = start
                raise self.wrong("only a grid can be given to several nodes at once", "set the parameter at the node itself")
        return term


def _end_of_braces(text: str, at: int) -> int:
    """The place behind the brace that closes the one just read; quotes may hold braces. -1: there is none."""
    open_, quote = 1, ""
    while at < len(text) and open_ > 0:
        char = text[at]
        if quote:
            if char == "\\" and quote == '"':
                at += 1
            if char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "{":
            open_ += 1
        elif char == "}":
            open_ -= 1
        at += 1
    return min(at, len(text)) if open_ == 0 else -1
