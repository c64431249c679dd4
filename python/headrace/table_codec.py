# SPDX-License-Identifier: Apache-2.0
"""Tables as Arrow IPC streams, byte for byte as the program writes them (src/data/table_codec.cc).

Equal tables must give equal bytes, so what an array does not mean is cleared first: bits beyond the last row, values under nulls.
"""

from __future__ import annotations

import struct
from typing import List, Optional, Union

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from headrace.checksum import Buffer
from headrace.errors import error

#: Key of a field's metadata that holds its role; a feature has none.
ROLE_KEY = b"headrace.role"
ROLES = ("feature", "target", "group", "weight", "prediction", "ignore")

_ALIGN = 64
_CONTINUATION = 0xFFFFFFFF


def role_of(field: pa.Field) -> str:
    """What a column is for: "feature" unless its field says otherwise."""
    found = (field.metadata or {}).get(ROLE_KEY, b"feature").decode("utf-8", "replace")
    return found if found in ROLES else "feature"


def with_role(table: pa.Table, **roles: str) -> pa.Table:
    """The same table with other roles: ``with_role(table, species="target")``. Errors: MissingColumn, BadValue.

    >>> import pyarrow
    >>> table = with_role(pyarrow.table({"x": [1.0], "y": ["a"]}), y="target")
    >>> [role_of(field) for field in table.schema]
    ['feature', 'target']
    """
    fields = list(table.schema)
    for name, role in roles.items():
        index = table.schema.get_field_index(name)
        if index < 0:
            raise error("MissingColumn", f"the table has no column '{name}'", "known are: " + ", ".join(table.column_names))
        if role not in ROLES:
            raise error("BadValue", f"no role is called '{role}'", "known are: " + ", ".join(ROLES))
        fields[index] = _with_role(fields[index], role)
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def _with_role(field: pa.Field, role: str) -> pa.Field:
    bare = field.remove_metadata()
    return bare if role == "feature" else bare.with_metadata({ROLE_KEY: role.encode()})


def encode_table(table: pa.Table) -> List[Buffer]:
    """The stream in pieces; large ones are those of the table, not copies."""
    plain = _canonical_table(table)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, plain.schema, options=pa.ipc.IpcWriteOptions(use_threads=False)) as writer:
        writer.write_table(plain)
    return _realigned(sink.getvalue())


def decode_table(data: memoryview) -> pa.Table:
    """Reads a stream (or an IPC file) in place. Errors: Damaged."""
    try:
        buffer = pa.py_buffer(data)
        is_file = bytes(data[:6]) == b"ARROW1"
        reader = pa.ipc.open_file(buffer) if is_file else pa.ipc.open_stream(buffer)
        table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as problem:
        raise error("Damaged", f"a stored object is damaged: reading a stored table: {problem}", "remove it and run again") from None
    return plain_schema(table)


def plain_schema(table: pa.Table) -> pa.Table:
    """The same table with nothing but roles in its metadata."""
    fields = [_with_role(field, role_of(field)) for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def _canonical_table(table: pa.Table) -> pa.Table:
    combined = plain_schema(table).unify_dictionaries().combine_chunks()
    columns = [pa.chunked_array([_canonical(chunk) for chunk in column.chunks], type=column.type) for column in combined.columns]
    return pa.Table.from_arrays(columns, schema=combined.schema)


def _canonical(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_boolean(kind):
        values = pa.py_buffer(_bits(pc.fill_null(array, False) if array.null_count else array))
        return pa.Array.from_buffers(kind, len(array), [_validity(array), values])
    if pa.types.is_dictionary(kind):
        indices, values = _canonical(array.indices), _canonical(array.dictionary)
        return pa.DictionaryArray.from_arrays(indices, values, ordered=kind.ordered, safe=False)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        # Written anew: a slice has the texts around it in its memory.
        filled = pc.fill_null(array, "") if array.null_count else array
        fresh = pa.concat_arrays([filled, filled.slice(0, 0)])
        return pa.Array.from_buffers(kind, len(array), [_validity(array), *fresh.buffers()[1:]])
    if array.null_count == 0:
        return _cut(array)
    if not pa.types.is_primitive(kind):
        return array
    return pa.Array.from_buffers(kind, len(array), [_validity(array), _zeroed(array, kind.bit_width // 8)])


def _cut(array: pa.Array) -> pa.Array:
    """A slice without what lies behind it: Arrow pads the values of a slice with the rows that follow."""
    kind = array.type
    if not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
        return array
    width = kind.bit_width // 8
    values = array.buffers()[1]
    if values is None or values.size == len(array) * width:
        return array
    return pa.Array.from_buffers(kind, len(array), [None, values.slice(array.offset * width, len(array) * width)])


def _zeroed(array: pa.Array, width: int) -> pa.Buffer:
    """The values with zeros under nulls."""
    whole = {1: pa.uint8(), 2: pa.uint16(), 4: pa.uint32(), 8: pa.uint64()}.get(width)
    if whole is not None:
        filled = pc.fill_null(array.view(whole), 0)
        return filled.buffers()[1].slice(filled.offset * width, len(array) * width)
    values = bytearray(array.buffers()[1].slice(array.offset * width, len(array) * width))
    for index in range(len(array)):
        if not array[index].is_valid:
            values[index * width : (index + 1) * width] = bytes(width)
    return pa.py_buffer(bytes(values))


def _validity(array: pa.Array) -> Optional[pa.Buffer]:
    return pa.py_buffer(_bits(array.is_valid())) if array.null_count else None


def _bits(array: pa.BooleanArray) -> bytes:
    """The bits of an array without nulls from its first row on, those beyond its last row zero."""
    count = len(array)
    if count == 0:
        return b""
    buffer = array.buffers()[1]
    first = array.offset // 8
    raw: bytes = buffer[first : min(buffer.size, first + (count + 15) // 8)].to_pybytes()
    whole: int = int.from_bytes(raw, "little") >> (array.offset % 8)
    return (whole & ((1 << count) - 1)).to_bytes((count + 7) // 8, "little")


def _realigned(stream: pa.Buffer) -> List[Buffer]:
    """The same stream with every message head padded to 64 bytes: pyarrow pads to 8 and has no option for it."""
    out: List[Buffer] = []
    data = memoryview(stream)
    for message in pa.ipc.MessageReader.open_stream(stream):
        head = memoryview(message.metadata)
        size = (8 + head.nbytes + _ALIGN - 1) // _ALIGN * _ALIGN - 8
        out += [struct.pack("<Ii", _CONTINUATION, size), head, bytes(size - head.nbytes)]
        body: Union[None, pa.Buffer] = message.body
        if body is not None:
            out.append(memoryview(body))
    out.append(data[-8:])
    return out
