# SPDX-License-Identifier: Apache-2.0
"""Objects: what flows along the edges of a pipeline, and their encoding (magic "HRO1"), byte for byte that of the program.

A table is a `pyarrow.Table`, bytes are `bytes`, several objects together a `tuple`; tensors, models and scores have classes here.
Decoding runs no code and copies neither tables nor tensors: they view the buffer they were decoded from.

>>> decode(encode(b"raw")), decode(encode((b"a", b"b")))
(b'raw', (b'a', b'b'))
>>> scores = Metrics({"accuracy": 0.5}, rows=4)
>>> decode(encode(scores)) == scores
True
"""

from __future__ import annotations

import json
import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Tuple, Union

import pyarrow as pa

from headrace.checksum import Buffer, crc32c
from headrace.errors import HeadraceError, error
from headrace.table_codec import decode_table, encode_table
from headrace.value_codec import decode_value, encode_value
from headrace.values import Value

if TYPE_CHECKING:
    import numpy

KINDS: Tuple[str, ...] = ("none", "table", "tensors", "model", "metrics", "bytes", "tuple")
TABLE, TENSORS, MODEL, METRICS, BYTES, TUPLE = range(1, 7)

_MAGIC = b"HRO1"
_VERSION = 2
_ALIGN = 64
_DEPTH_MAX = 32
_PRELUDE = struct.Struct("<4sHBBIIQII")  # magic, version, kind, 0, bytes of facts, checksum of the head, bytes of all, sections, 0
_ROW = struct.Struct("<QII")  # of a section: bytes, checksum, whether it has one

# Names as in the program, with the bytes of an element and numpy's name ("" where it has none).
DTYPES: Dict[str, Tuple[int, str]] = {
    "f32": (4, "<f4"),
    "f64": (8, "<f8"),
    "i32": (4, "<i4"),
    "i64": (8, "<i8"),
    "u8": (1, "|u1"),
    "i8": (1, "|i1"),
    "i16": (2, "<i2"),
    "u16": (2, "<u2"),
    "u32": (4, "<u4"),
    "u64": (8, "<u8"),
    "f16": (2, "<f2"),
    "bf16": (2, ""),
    "bool": (1, "|b1"),
}


class Tensor:
    """A dense array, row-major: a dtype ("f64", "i64", ...), a shape, and the bytes.

    >>> import numpy
    >>> tensor = Tensor.of(numpy.arange(6.0).reshape(2, 3))
    >>> tensor, float(tensor.numpy()[1, 2])
    (Tensor(f64, [2, 3]), 5.0)
    """

    __slots__ = ("dtype", "shape", "data")

    def __init__(self, dtype: str, shape: Sequence[int], data: Buffer) -> None:
        if dtype not in DTYPES:
            raise error("BadValue", f"no dtype is called '{dtype}'", "known are: " + ", ".join(DTYPES))
        self.dtype = dtype
        self.shape = tuple(int(size) for size in shape)
        self.data = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
        count = 1
        for size in self.shape:
            if size < 0:
                raise error("BadValue", f"a shape has a negative size: {list(self.shape)}")
            count *= size
        if count * DTYPES[dtype][0] != self.data.nbytes:
            raise error("BadValue", f"{self.data.nbytes} bytes do not fill {dtype} {list(self.shape)}")

    @staticmethod
    def of(value: Any) -> "Tensor":
        """From an array of numpy, a tensor of torch (on the CPU), or nested lists of numbers."""
        if isinstance(value, Tensor):
            return value
        if hasattr(value, "detach"):
            return _tensor_of_torch(value)
        import numpy

        found = numpy.ascontiguousarray(value) if numpy.ndim(value) else numpy.array(value)
        found = found.astype(found.dtype.newbyteorder("<"), copy=False)
        for name, (_, spelling) in DTYPES.items():
            if spelling and numpy.dtype(spelling) == found.dtype:
                return Tensor(name, found.shape, found.reshape(-1).view(numpy.uint8).data)
        raise error("BadValue", f"a tensor cannot hold elements of {found.dtype}", "convert it to numbers first")

    def numpy(self) -> "numpy.ndarray[Any, Any]":
        """The same memory as an array of numpy. Errors: Unsupported for bf16."""
        import numpy

        spelling = DTYPES[self.dtype][1]
        if not spelling:
            raise error("Unsupported", f"numpy has no {self.dtype}", "use torch()")
        return numpy.frombuffer(self.data, dtype=spelling).reshape(self.shape)

    def torch(self) -> Any:
        """A copy as a tensor of torch, which has no read-only tensors."""
        import torch

        kinds = {"f32": "float32", "f64": "float64", "f16": "float16", "bf16": "bfloat16", "bool": "bool", "u8": "uint8", "u16": "uint16"}
        kinds.update({"u32": "uint32", "u64": "uint64", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64"})
        dtype = getattr(torch, kinds[self.dtype])
        if not self.data.nbytes:
            return torch.empty(self.shape, dtype=dtype)
        return torch.frombuffer(bytearray(self.data), dtype=dtype).reshape(self.shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        return (self.dtype, self.shape, self.data) == (other.dtype, other.shape, other.data)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Tensor({self.dtype}, {list(self.shape)})"


def _tensor_of_torch(value: Any) -> Tensor:
    import torch

    names = {"float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16", "bool": "bool", "uint8": "u8", "uint16": "u16"}
    names.update({"uint32": "u32", "uint64": "u64", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64"})
    found = value.detach().cpu().contiguous()
    name = str(found.dtype).rpartition(".")[2]
    if name not in names:
        raise error("BadValue", f"a tensor cannot hold elements of {found.dtype}", "convert it to numbers first")
    raw = found.reshape(-1).view(torch.uint8).numpy() if found.numel() else b""
    return Tensor(names[name], tuple(found.shape), memoryview(raw))


class TensorSet(Dict[str, Tensor]):
    """Tensors by name, in order."""


@dataclass(frozen=True)
class Metrics:
    """Scores of one path on one test set. `confusion`: counts of [truth, predicted], one row after another."""

    values: Mapping[str, float]
    rows: int = 0
    classes: Sequence[str] = ()
    confusion: Sequence[int] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metrics):
            return NotImplemented
        return encode(self) == encode(other)  # a score may be NaN, which equals itself here

    __hash__ = None  # type: ignore[assignment]


@dataclass
class Model:
    """A fitted model: the operator that made it, plain facts, weights as tensors, engine bytes as blobs, members as parts."""

    op: str
    version: int = 1
    meta: Value = None
    tensors: Mapping[str, Tensor] = field(default_factory=TensorSet)
    blobs: Mapping[str, Buffer] = field(default_factory=dict)
    parts: Sequence["Model"] = ()

    def to_dict(self) -> Dict[str, Any]:
        """All of it as a plain dict."""
        return {
            "op": self.op,
            "version": self.version,
            "meta": self.meta,
            "tensors": dict(self.tensors),
            "blobs": {name: bytes(blob) for name, blob in self.blobs.items()},
            "parts": [part.to_dict() for part in self.parts],
        }


Object = Union[pa.Table, TensorSet, Model, Metrics, bytes, Tuple[Any, ...]]


def kind_of(value: Any) -> int:
    """The number of an object's kind. Errors: Unsupported for anything that is no object."""
    if isinstance(value, pa.Table):
        return TABLE
    for kind, type_ in ((TENSORS, TensorSet), (MODEL, Model), (METRICS, Metrics), (TUPLE, tuple)):
        if isinstance(value, type_):
            return kind
    if isinstance(value, (bytes, bytearray, memoryview)):
        return BYTES
    advice = "give a pyarrow table, a TensorSet, Model, Metrics, bytes or a tuple"
    raise error("Unsupported", f"a {type(value).__name__} is no object", advice)


# --- writing ---------------------------------------------------------------------------------------------------------------


def encode(value: Any) -> bytes:
    """Encodes an object; equal objects give equal bytes. Errors: Unsupported, TooLarge."""
    return b"".join(encoded_pieces(value))


def encoded_pieces(value: Any, checksums: bool = True) -> List[Buffer]:
    """The same in pieces, so that large sections are copied once, to where they go.

    Without `checksums` its sections carry none: for the shared memory of one machine, where nobody could damage them.
    """
    return _encode(value, 0, checksums)


def size_of(pieces: Sequence[Buffer]) -> int:
    return sum(memoryview(piece).nbytes for piece in pieces)


class _Writer:
    """Collects sections, each of some pieces, then lays head and sections out."""

    def __init__(self, checksums: bool) -> None:
        self.checksums = checksums
        self.sections: List[Sequence[Buffer]] = []

    def add(self, pieces: Sequence[Buffer]) -> int:
        self.sections.append(pieces)
        return len(self.sections) - 1

    def finish(self, kind: int, facts: Dict[str, Any]) -> List[Buffer]:
        rows = b""
        body: List[Buffer] = []
        for pieces in self.sections:
            size, crc = size_of(pieces), 0
            for piece in pieces if self.checksums else ():
                crc = crc32c(piece, crc)
            rows += _ROW.pack(size, crc, int(self.checksums))
            body.extend(pieces)
            body.append(_padding(size))
        text = json.dumps(facts, ensure_ascii=False).encode("utf-8") if facts else b""
        start = _PRELUDE.size + len(rows) + len(text)
        total = _aligned(start) + size_of(body)
        fields = (_MAGIC, _VERSION, kind, 0, len(text))
        bare = _PRELUDE.pack(*fields, 0, total, len(self.sections), 0)
        crc = crc32c(rows + text, crc32c(bare))
        return [_PRELUDE.pack(*fields, crc, total, len(self.sections), 0), rows, text, _padding(start), *body]


def _aligned(size: int) -> int:
    return (size + _ALIGN - 1) // _ALIGN * _ALIGN


def _padding(size: int) -> bytes:
    return b"\0" * (_aligned(size) - size)


def _encode(value: Any, depth: int, checksums: bool = True) -> List[Buffer]:
    if depth > _DEPTH_MAX:
        raise error("TooLarge", f"objects are nested more than {_DEPTH_MAX} deep")
    kind = kind_of(value)
    writer = _Writer(checksums)
    facts: Dict[str, Any] = {}
    if kind == TABLE:
        writer.add(encode_table(value))
    elif kind == TENSORS:
        facts["tensors"] = _tensor_facts(value, writer)
    elif kind == MODEL:
        facts = _model_facts(value, writer, depth)
    elif kind == METRICS:
        facts = _metrics_facts(value, writer)
    elif kind == BYTES:
        writer.add([value])
    else:
        for part in value:
            writer.add(_encode(part, depth + 1))
    return writer.finish(kind, facts)


def _tensor_facts(tensors: Mapping[str, Tensor], writer: _Writer) -> List[Dict[str, Any]]:
    return [
        {"name": name, "dtype": tensor.dtype, "shape": list(tensor.shape), "section": writer.add([tensor.data])}
        for name, tensor in tensors.items()
    ]


def _model_facts(model: Model, writer: _Writer, depth: int) -> Dict[str, Any]:
    facts: Dict[str, Any] = {"op": model.op, "version": model.version}
    facts["meta"] = writer.add([encode_value(model.meta)])
    facts["tensors"] = _tensor_facts(model.tensors, writer)
    facts["blobs"] = [{"name": name, "section": writer.add([blob])} for name, blob in model.blobs.items()]
    facts["parts"] = [writer.add(_encode(part, depth + 1)) for part in model.parts]
    return facts


def _metrics_facts(metrics: Metrics, writer: _Writer) -> Dict[str, Any]:
    facts: Dict[str, Any] = {"rows": metrics.rows, "names": list(metrics.values)}
    facts["values"] = writer.add([struct.pack(f"<{len(metrics.values)}d", *metrics.values.values())])
    facts["classes"] = list(metrics.classes)
    facts["confusion"] = writer.add([struct.pack(f"<{len(metrics.confusion)}q", *metrics.confusion)])
    return facts


# --- reading ---------------------------------------------------------------------------------------------------------------


def damaged(text: str) -> HeadraceError:
    return error("Damaged", f"a stored object is damaged: {text}", "remove it and run again")


def decode(data: Buffer) -> Object:
    """Decodes an object; tables and tensors view `data`, which must not change while they live. Errors: Damaged, Version."""
    return _decode(memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b""), 0)


class _Reader:
    """The checked outside of an object: its facts, and sections that lie within it."""

    def __init__(self, data: memoryview) -> None:
        if data.nbytes < _PRELUDE.size:
            raise damaged("it is cut short")
        magic, version, self.kind, zero, facts_size, crc, total, count, reserved = _PRELUDE.unpack_from(data)
        if magic != _MAGIC:
            raise damaged("it does not start with HRO1")
        if version != _VERSION:
            raise error("Version", f"a stored object has version {version}; this package reads {_VERSION}", "use the program that wrote it")
        if total != data.nbytes:
            raise damaged(f"it has {data.nbytes} bytes, not {total}")
        rows_end = _PRELUDE.size + count * _ROW.size
        start = _aligned(rows_end + facts_size)
        if start > data.nbytes:
            raise damaged("its head is cut short")
        bare = _PRELUDE.pack(magic, version, self.kind, zero, facts_size, 0, total, count, reserved)
        if crc32c(data[_PRELUDE.size : rows_end + facts_size], crc32c(bare)) != crc:
            raise damaged("its head does not match the checksum")
        if not TABLE <= self.kind <= TUPLE:
            raise damaged("its kind is not known")
        if any(data[rows_end + facts_size : start]):
            raise damaged("a gap is not zero")
        self.facts = _facts_of(bytes(data[rows_end : rows_end + facts_size]))
        self.sections = _sections_of(data[_PRELUDE.size : rows_end], data[start:])

    def section(self, number: Any) -> memoryview:
        if not _is_integer(number) or not 0 <= number < len(self.sections):
            raise damaged("a section number is out of range")
        found: memoryview = self.sections[number]
        return found

    def sole(self) -> memoryview:
        if len(self.sections) != 1:
            raise damaged("it does not have one section")
        return self.sections[0]

    def fact(self, key: str, kind: type) -> Any:
        value = self.facts.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise damaged(f"'{key}' is missing")
        return value

    def texts(self, key: str) -> List[str]:
        found: List[Any] = self.fact(key, list)
        if not all(isinstance(item, str) for item in found):
            raise damaged(f"'{key}' holds something that is no text")
        return found


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _facts_of(text: bytes) -> Dict[str, Any]:
    if not text:
        return {}
    try:
        facts = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise damaged("its facts do not parse") from None
    if not isinstance(facts, dict):
        raise damaged("its facts are not a map")
    return facts


def _sections_of(rows: memoryview, body: memoryview) -> List[memoryview]:
    out: List[memoryview] = []
    end = 0
    for size, crc, summed in _ROW.iter_unpack(rows):
        if summed > 1 or size > body.nbytes - end or _aligned(end + size) > body.nbytes:
            raise damaged("a section lies outside")
        section = body[end : end + size]
        if summed and crc32c(section) != crc:
            raise damaged("a section does not match its checksum")
        gap = end + size
        end = _aligned(gap)
        if any(body[gap:end]):
            raise damaged("a gap is not zero")
        out.append(section)
    if end != body.nbytes:
        raise damaged("bytes are left over")
    return out


def _decode(data: memoryview, depth: int) -> Object:
    if depth > _DEPTH_MAX:
        raise damaged(f"objects are nested more than {_DEPTH_MAX} deep")
    reader = _Reader(data)
    if reader.kind == TABLE:
        return decode_table(reader.sole())
    if reader.kind == TENSORS:
        return _tensors_of(reader)
    if reader.kind == MODEL:
        return _model_of(reader, depth)
    if reader.kind == METRICS:
        return _metrics_of(reader)
    if reader.kind == BYTES:
        return bytes(reader.sole())
    return tuple(_decode(section, depth + 1) for section in reader.sections)


def _tensors_of(reader: _Reader) -> TensorSet:
    out = TensorSet()
    for facts in reader.fact("tensors", list):
        if not isinstance(facts, dict):
            raise damaged("a tensor has no facts")
        name, shape = facts.get("name"), facts.get("shape")
        if not isinstance(name, str) or not isinstance(shape, list) or not all(_is_integer(size) for size in shape):
            raise damaged("a tensor has no name or no shape")
        if name in out:
            raise damaged("two tensors have one name")
        try:
            out[name] = Tensor(str(facts.get("dtype")), shape, reader.section(facts.get("section")))
        except HeadraceError as problem:
            raise damaged(problem.message) from None
    return out


def _model_of(reader: _Reader, depth: int) -> Model:
    version = reader.fact("version", int)
    if not 0 <= version < 1 << 31:
        raise damaged("a version is out of range")
    blobs: Dict[str, Buffer] = {}
    for facts in reader.fact("blobs", list):
        if not isinstance(facts, dict) or not isinstance(facts.get("name"), str):
            raise damaged("a blob has no name")
        blobs[facts["name"]] = bytes(reader.section(facts.get("section")))
    parts: List[Model] = []
    for number in reader.fact("parts", list):
        part = _decode(reader.section(number), depth + 1)
        if not isinstance(part, Model):
            raise damaged("a part of a model is no model")
        parts.append(part)
    meta = decode_value(reader.section(reader.facts.get("meta")))
    return Model(reader.fact("op", str), version, meta, _tensors_of(reader), blobs, parts)


def _metrics_of(reader: _Reader) -> Metrics:
    names = reader.texts("names")
    values = reader.section(reader.facts.get("values"))
    confusion = reader.section(reader.facts.get("confusion"))
    if values.nbytes != 8 * len(names):
        raise damaged("scores and their names do not match")
    if confusion.nbytes % 8:
        raise damaged("a confusion matrix is cut short")
    counts = array("q", bytes(confusion))
    scores = struct.unpack(f"<{len(names)}d", values)
    return Metrics(dict(zip(names, scores)), reader.fact("rows", int), reader.texts("classes"), list(counts))
