# SPDX-License-Identifier: Apache-2.0
"""Plain values: what a pipeline file can hold. YAML 1.2 (core schema) in both directions, as the program reads it."""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any, Dict, List, Mapping, Optional, Set, Union

import yaml

from headrace.errors import error

#: null, a truth value, an integer of 64 bits, a real, text, a list or a map with text keys.
Value = Any

_DEPTH_MAX = 100
_NODES_MAX = 1_000_000
_BYTES_MAX = 64 << 20
_FLOW_WIDTH = 120

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./][A-Za-z0-9_./-]*)*\Z")
_WORDS: Dict[str, Value] = {"": None, "~": None}
_WORDS.update({word: None for word in ("null", "Null", "NULL")})
_WORDS.update({word: True for word in ("true", "True", "TRUE")})
_WORDS.update({word: False for word in ("false", "False", "FALSE")})
# Words that other readers of YAML take for truth values are quoted, though this form does not need it.
_ALSO_QUOTED = {"y", "n", "yes", "no", "on", "off"}


def plain(value: Any, where: str = "a value") -> Value:
    """The same as a plain value: tuples become lists, paths text, numbers of numpy numbers. Errors: BadValue.

    >>> plain({"k": (1, 2.5)})
    {'k': [1, 2.5]}
    """
    return _plain(value, where, 0)


def _plain(value: Any, where: str, depth: int) -> Value:
    if depth > _DEPTH_MAX:
        raise error("BadValue", f"{where} is nested more than {_DEPTH_MAX} deep")
    if value is None or isinstance(value, (bool, str)):
        return _text(value, where) if isinstance(value, str) else value
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise error("BadValue", f"{where} needs more than 64 bits: {value}", "give it as text")
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, os.PathLike):
        return _text(os.fspath(value), where)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise error("BadValue", f"{where} has a key that is no text: {key!r}", "quote it")
        return {key: _plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    for name in ("as_value", "tolist"):  # grids of this package; arrays and numbers of numpy
        convert = getattr(value, name, None)
        if callable(convert):
            return _plain(convert(), where, depth + 1)
    raise error("BadValue", f"{where} is a {type(value).__name__}, which no pipeline file can hold", "give numbers, text, lists and maps")


def _text(text: str, where: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise error("BadValue", f"{where} holds text that is not valid Unicode") from None
    return text


# --- writing ---------------------------------------------------------------------------------------------------------------


def scalar_text(value: Union[None, bool, int, float, str]) -> str:
    """One scalar as YAML, so that it reads back with its kind.

    >>> [scalar_text(v) for v in (None, True, 5, 1e-4, 1e22, 2.0, "pca", "5", "yes", "a: b")]
    ['null', 'true', '5', '0.0001', '1e+22', '2.0', 'pca', '"5"', '"yes"', '"a: b"']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return ".nan"
        return repr(value) if math.isfinite(value) else (".inf" if value > 0 else "-.inf")
    if _PLAIN.match(value) and value not in _WORDS and value.lower() not in _ALSO_QUOTED:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(f"\\u{ord(c):04x}" if "\x7f" <= c <= "\x9f" or c in "\u2028\u2029\ufeff" else c for c in quoted)


def flow(value: Value) -> str:
    """A value on one line.

    >>> flow({"op": "pca", "components": {"grid": [5, 15]}})
    '{ op: pca, components: { grid: [5, 15] } }'
    """
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{scalar_text(key)}: {flow(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar_text(value)


def to_yaml(value: Value) -> str:
    """YAML text of a map: in blocks where a line would grow too long.

    >>> print(to_yaml({"seed": 7, "nodes": {"pca": {"op": "pca", "components": 5}}}), end="")
    seed: 7
    nodes:
      pca: { op: pca, components: 5 }
    """
    lines: List[str] = []
    for key, item in value.items():
        _block(key, item, 0, lines, force=key == "nodes")
    return "\n".join(lines) + "\n"


def _block(key: str, value: Value, indent: int, lines: List[str], force: bool = False) -> None:
    head = " " * indent + scalar_text(key) + ":"
    line = f"{head} {flow(value)}"
    if not isinstance(value, (dict, list)) or not value or (not force and len(line) <= _FLOW_WIDTH):
        lines.append(line)
        return
    lines.append(head)
    if isinstance(value, dict):
        for inner, item in value.items():
            _block(inner, item, indent + 2, lines)
    else:
        lines.extend(" " * (indent + 2) + "- " + flow(item) for item in value)


# --- reading ---------------------------------------------------------------------------------------------------------------


def from_yaml(text: str, file: str = "") -> Value:
    """Reads one YAML document. Errors: Syntax with line and column, TooLarge.

    >>> from_yaml("{a: 1, b: 1e4, c: yes, d: [.5, null]}")
    {'a': 1, 'b': 10000.0, 'c': 'yes', 'd': [0.5, None]}
    """
    if len(text) > _BYTES_MAX:
        raise error("TooLarge", f"a document has more than {_BYTES_MAX >> 20} MiB", file=file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise error("Syntax", str(problem.problem), "", file, line, column) from None
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise error("Syntax", f"the text is not YAML: {problem}", file=file) from None
    return None if node is None else _Reader(file).value(node, 0)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0
        self.open: Set[int] = set()

    def value(self, node: yaml.Node, depth: int) -> Value:
        self.count += 1
        if self.count > _NODES_MAX:
            raise error("TooLarge", f"a document has more than {_NODES_MAX} values", file=self.file)
        if depth > _DEPTH_MAX:
            raise self.wrong(node, f"lists and maps are nested deeper than {_DEPTH_MAX}")
        if id(node) in self.open:
            raise self.wrong(node, "an alias names a value that contains it")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        self.open.add(id(node))
        out = self.items(node, depth) if isinstance(node, yaml.SequenceNode) else self.entries(node, depth)
        self.open.discard(id(node))
        return out

    def items(self, node: yaml.Node, depth: int) -> List[Value]:
        return [self.value(item, depth + 1) for item in node.value]

    def entries(self, node: yaml.Node, depth: int) -> Dict[str, Value]:
        out: Dict[str, Value] = {}
        for key_node, item in node.value:
            key = self.value(key_node, depth + 1)
            if not isinstance(key, str) and isinstance(key_node, yaml.ScalarNode) and key is not None:
                key = key_node.value  # a number as a key is its text
            if not isinstance(key, str):
                raise self.wrong(key_node, "a key is no text", "quote it")
            if key in out:
                raise self.wrong(key_node, f"a key is written twice: '{key}'", "remove one of them")
            out[key] = self.value(item, depth + 1)
        return out

    def scalar(self, node: yaml.ScalarNode) -> Value:
        text = str(node.value)
        if node.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.match(text):
            number = int(text)
            if not -(1 << 63) <= number < 1 << 63:
                raise self.wrong(node, f"an integer needs more than 64 bits: {text}", "quote it to make it a string")
            return number
        if _REAL.match(text):
            real = float(text)
            if math.isinf(real):
                raise self.wrong(node, f"a number is too large for a double: {text}", "quote it to make it a string")
            return real
        unsigned = text.lstrip("+-") if text[:1] in "+-" else text
        if unsigned in (".inf", ".Inf", ".INF"):
            return -math.inf if text[0] == "-" else math.inf
        return math.nan if text in (".nan", ".NaN", ".NAN") else text

    def wrong(self, node: yaml.Node, message: str, advice: str = "") -> Exception:
        mark = node.start_mark
        return error("Syntax", message, advice, self.file, mark.line + 1, mark.column + 1)


def read_text(path: Union[str, "os.PathLike[str]"], limit: Optional[int] = _BYTES_MAX) -> str:
    """The text of a file. Errors: NotFound, TooLarge, Syntax (not UTF-8)."""
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            raw = file.read() if limit is None else file.read(limit + 1)
    except OSError as problem:
        raise error("NotFound", f"cannot read '{name}': {problem.strerror}") from None
    if limit is not None and len(raw) > limit:
        raise error("TooLarge", f"'{name}' has more than {limit >> 20} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error("Syntax", f"'{name}' is not UTF-8: byte {problem.start}", "save it as UTF-8") from None
