# SPDX-License-Identifier: Apache-2.0
"""Errors with the code, place and advice of the program's catalogue (docs/reference/errors.md)."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Type

# Rows of the catalogue that this package raises by itself; a test compares them with include/headrace/base/errors.def.
CODES: Dict[str, int] = {
    "Usage": 1001,
    "Syntax": 1002,
    "UnknownKey": 1003,
    "BadValue": 1004,
    "MissingKey": 1005,
    "NotFound": 1006,
    "TooLarge": 1007,
    "UnknownOperator": 2001,
    "NameClash": 2002,
    "BadGrid": 2006,
    "BadTerm": 2007,
    "Unsupported": 2010,
    "TaskFailed": 3001,
    "Cancelled": 3003,
    "Environment": 3004,
    "BadData": 4001,
    "MissingColumn": 4002,
    "Damaged": 4005,
    "Version": 4006,
    "Unreachable": 5001,
    "Refused": 5002,
    "Protocol": 5003,
    "Closed": 5004,
    "ObjectLost": 5007,
    "Bug": 9001,
}


class HeadraceError(Exception):
    """What went wrong, where, and what to do next.

    >>> try:
    ...     raise error("BadTerm", "a term needs a node", "write hr.node(...)")
    ... except HeadraceError as problem:
    ...     print(problem.code, problem.name, "|", problem)
    2007 BadTerm | error 2007 (BadTerm): a term needs a node; write hr.node(...)
    """

    def __init__(
        self,
        code: int,
        name: str,
        message: str,
        advice: str = "",
        file: str = "",
        line: int = 0,
        column: int = 0,
        others: Sequence["HeadraceError"] = (),
    ) -> None:
        self.code = code
        self.name = name
        self.message = message
        self.advice = advice
        self.file = file
        self.line = line
        self.column = column
        #: Further errors of the same pipeline, in file order.
        self.others: Tuple[HeadraceError, ...] = tuple(others)
        super().__init__(self._text())

    def _text(self) -> str:
        place = [part for part in (self.file, str(self.line or ""), str(self.column or "")) if part]
        text = (":".join(place) + ": " if place else "") + f"error {self.code} ({self.name}): {self.message}"
        text += f"; {self.advice}" if self.advice else ""
        return "\n".join([text, *(other._text() for other in self.others)])


class PipelineError(HeadraceError):
    """The pipeline, a value in it or the call is wrong (1xxx, 2xxx)."""


class RunError(HeadraceError):
    """Work failed, was cancelled, or lacks something in its environment (3xxx, 5xxx, 9xxx)."""


class DataError(HeadraceError):
    """Data or stored bytes are not what they should be (4xxx)."""


def _class_of(code: int) -> Type[HeadraceError]:
    if code // 1000 in (1, 2, 6):
        return PipelineError
    return DataError if code // 1000 == 4 else RunError


def error(name: str, message: str, advice: str = "", file: str = "", line: int = 0, column: int = 0) -> HeadraceError:
    """Makes the error of a catalogue name, ready to be raised."""
    code = CODES[name]
    return _class_of(code)(code, name, message, advice, file, line, column)


def from_document(document: Mapping[str, Any]) -> HeadraceError:
    """The exception of an error document that the program printed (docs/reference/json.md)."""
    rows = document.get("errors") or [document["error"]]
    made = [_from_row(row) for row in rows]
    first = made[0]
    return type(first)(first.code, first.name, first.message, first.advice, first.file, first.line, first.column, made[1:])


def _from_row(row: Mapping[str, Any], where: Optional[str] = None) -> HeadraceError:
    code = int(row.get("code", CODES["Bug"]))
    return _class_of(code)(
        code,
        str(row.get("name", "Bug")),
        str(row.get("message", "")),
        str(row.get("advice") or ""),
        str(row.get("file") or where or ""),
        int(row.get("line") or 0),
        int(row.get("column") or 0),
    )
