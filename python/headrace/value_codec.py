# SPDX-License-Identifier: Apache-2.0
"""Plain values as bytes, as models keep their facts: a tag, then the value; little-endian (src/data/value_codec.cc).

>>> decode_value(encode_value({"k": [1, 2.5, None, True, "x"]}))
{'k': [1, 2.5, None, True, 'x']}
"""

from __future__ import annotations

import struct
from typing import Any, Dict, List, Tuple

from headrace.checksum import Buffer
from headrace.errors import HeadraceError, error
from headrace.values import Value, plain

_NULL, _BOOL, _INT, _REAL, _STRING, _LIST, _MAP = range(7)
_DEPTH_MAX = 100


def encode_value(value: Value) -> bytes:
    """Errors: BadValue for anything that is no plain value."""
    out = bytearray()
    _put(plain(value), out)
    return bytes(out)


def _put(value: Value, out: bytearray) -> None:
    if value is None:
        out.append(_NULL)
    elif isinstance(value, bool):
        out += bytes((_BOOL, value))
    elif isinstance(value, int):
        out += struct.pack("<Bq", _INT, value)
    elif isinstance(value, float):
        out += struct.pack("<Bd", _REAL, value)
    elif isinstance(value, str):
        out.append(_STRING)
        _put_text(value, out)
    elif isinstance(value, list):
        out += struct.pack("<BI", _LIST, len(value))
        for item in value:
            _put(item, out)
    else:
        out += struct.pack("<BI", _MAP, len(value))
        for key, item in value.items():
            _put_text(key, out)
            _put(item, out)


def _put_text(text: str, out: bytearray) -> None:
    raw = text.encode("utf-8")
    out += struct.pack("<I", len(raw)) + raw


def _damaged(text: str) -> HeadraceError:
    return error("Damaged", f"a stored value is damaged: {text}")


def decode_value(data: Buffer) -> Value:
    """Errors: Damaged."""
    reader = _Reader(bytes(data))
    value = reader.value(0)
    if reader.left:
        raise _damaged("bytes are left over")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, form: str) -> Any:
        size = struct.calcsize(form)
        if self.left < size:
            raise _damaged("a value is cut short")
        found: Tuple[Any, ...] = struct.unpack_from(form, self.data, self.at)
        self.at += size
        return found[0]

    def text(self) -> str:
        size = self.take("<I")
        if size > self.left:
            raise _damaged("a string is cut short")
        raw = self.data[self.at : self.at + size]
        self.at += size
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise _damaged("a string is not UTF-8") from None

    def count(self) -> int:
        found: int = self.take("<I")
        if found > self.left:
            raise _damaged("a list or map is cut short")
        return found

    def value(self, depth: int) -> Value:
        if depth > _DEPTH_MAX:
            raise _damaged("values are nested too deeply")
        tag = self.take("<B")
        if tag == _NULL:
            return None
        if tag == _BOOL:
            flag = self.take("<B")
            if flag > 1:
                raise _damaged("a truth value is neither true nor false")
            return flag == 1
        if tag in (_INT, _REAL):
            return self.take("<q" if tag == _INT else "<d")
        if tag == _STRING:
            return self.text()
        if tag == _LIST:
            items: List[Value] = [self.value(depth + 1) for _ in range(self.count())]
            return items
        if tag == _MAP:
            out: Dict[str, Value] = {}
            for _ in range(self.count()):
                key = self.text()
                out[key] = self.value(depth + 1)
            return out
        raise _damaged(f"an unknown value tag {tag}")
