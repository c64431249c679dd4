# SPDX-License-Identifier: Apache-2.0
"""What operators need from tables, and the way back: matrices of features, targets, predictions. The counterpart of src/learn/frame.h."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

import pyarrow as pa

from headrace.errors import error
from headrace.table_codec import ROLE_KEY, role_of

if TYPE_CHECKING:
    import numpy

_RIDERS = ("target", "group", "weight", "ignore")


def _with(field: pa.Field, role: str) -> pa.Field:
    return field.remove_metadata() if role == "feature" else field.with_metadata({ROLE_KEY: role.encode()})


def columns_of(table: pa.Table, *roles: str) -> List[int]:
    """Indexes of the columns that have one of these roles."""
    return [index for index, field in enumerate(table.schema) if role_of(field) in roles]


def features(tables: Sequence[pa.Table]) -> "numpy.ndarray[Any, Any]":
    """The features of all tables side by side, [rows, features] f64; nulls are NaN. Errors: BadData names a column of text."""
    import numpy

    columns = []
    for table in tables:
        if table.num_rows != tables[0].num_rows:
            raise error("BadData", f"tables of {tables[0].num_rows} and {table.num_rows} rows cannot stand side by side")
        for index in columns_of(table, "feature"):
            columns.append(_reals(table.column(index), table.field(index).name))
    if not columns:
        raise error("BadData", "there is no feature", "give columns the role feature")
    return numpy.column_stack(columns)


def feature_names(tables: Sequence[pa.Table]) -> List[str]:
    return [table.field(index).name for table in tables for index in columns_of(table, "feature")]


def _reals(column: pa.ChunkedArray, name: str) -> "numpy.ndarray[Any, Any]":

    try:
        found: numpy.ndarray[Any, Any] = column.cast(pa.float64()).to_numpy()
        return found
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        message = f"column '{name}' is no number but {column.type}"
        raise error("BadData", message, "put an encoder before (one_hot_encoder, ordinal_encoder)") from None


def target(table: pa.Table) -> Tuple[pa.ChunkedArray, str]:
    """The target and its name. Errors: MissingColumn."""
    found = columns_of(table, "target")
    if not found:
        raise error("MissingColumn", "the table has no target", "name it at the source: target=...")
    return table.column(found[0]), table.field(found[0]).name


def target_reals(table: pa.Table) -> "numpy.ndarray[Any, Any]":
    column, name = target(table)
    if column.null_count:
        raise error("BadData", f"target '{name}' has missing values")
    return _reals(column, name)


def target_classes(table: pa.Table) -> List[str]:
    """The target as class names, spelled as the program does: integral numbers without '.0'."""
    column, name = target(table)
    if column.null_count:
        raise error("BadData", f"target '{name}' has missing values")
    return [class_name(value) for value in column.to_pylist()]


def class_name(value: Any) -> str:
    """
    >>> [class_name(v) for v in (3, 3.0, 2.5, True, "a")]
    ['3', '3', '2.5', '1', 'a']
    """
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def sorted_classes(names: Sequence[str]) -> List[str]:
    """Distinct class names; numbers sort as numbers.

    >>> sorted_classes(["10", "9", "10"]), sorted_classes(["b", "a"])
    (['9', '10'], ['a', 'b'])
    """
    distinct = set(names)
    try:
        return sorted(distinct, key=float)
    except ValueError:
        return sorted(distinct)


def weights(table: pa.Table) -> "Optional[numpy.ndarray[Any, Any]]":
    found = columns_of(table, "weight")
    return _reals(table.column(found[0]), table.field(found[0]).name) if found else None


def with_features(table: pa.Table, matrix: "numpy.ndarray[Any, Any]", names: Sequence[str]) -> pa.Table:
    """`matrix` [rows, k] as the features, and what rides along: target, group, weight and ignored columns."""
    import numpy

    fields = [pa.field(name, pa.float64()) for name in names]
    arrays = [pa.array(numpy.ascontiguousarray(matrix[:, index], dtype=numpy.float64)) for index in range(len(names))]
    return _beside(_riders(table), fields, arrays)


def _riders(table: pa.Table) -> pa.Table:
    return table.select(columns_of(table, *_RIDERS))


def _beside(table: pa.Table, fields: List[pa.Field], arrays: List[pa.Array]) -> pa.Table:
    """Columns behind those of a table; clashing names get a suffix."""
    taken = set(table.column_names)
    named = []
    for field in fields:
        name, number = field.name, 0
        while name in taken:
            number += 1
            name = f"{field.name}_{number}"
        taken.add(name)
        named.append(field.with_name(name))
    return pa.Table.from_arrays([*table.columns, *arrays], schema=pa.schema([*table.schema, *named]))


def predictions(
    table: pa.Table,
    values: Sequence[Any],
    classes: Sequence[str] = (),
    probabilities: "Optional[numpy.ndarray[Any, Any]]" = None,
    as_features: bool = False,
) -> pa.Table:
    """A table of predictions: "prediction" (class names, or numbers), "probability:CLASS", and what rides along.

    `as_features` gives the numbers the role of features: what a predictor in the middle of a graph hands on.
    """
    role = "feature" if as_features else "prediction"
    classifies = len(classes) > 0
    kind = pa.string() if classifies else pa.float64()
    fields = [_with(pa.field("prediction", kind), "prediction" if classifies else role)]
    arrays = [pa.array(values, kind)]
    if probabilities is not None:
        fields += [_with(pa.field(f"probability:{name}", pa.float64()), role) for name in classes]
        arrays += [pa.array(probabilities[:, index]) for index in range(len(classes))]
    return _beside(_riders(table), fields, arrays)


def carrying_roles(result: pa.Table, inputs: Sequence[pa.Table]) -> pa.Table:
    """Columns of a result that bear the name of an input's column and no role of their own get that column's role."""
    roles = {field.name: role_of(field) for table in reversed(inputs) for field in table.schema}
    fields = []
    for field in result.schema:
        has_own = ROLE_KEY in (field.metadata or {})
        fields.append(field if has_own else _with(field, roles.get(field.name, "feature")))
    return pa.Table.from_arrays(result.columns, schema=pa.schema(fields))


def as_table(value: Any, inputs: Sequence[pa.Table]) -> pa.Table:
    """A table from what people return: a pyarrow table or batch, a pandas frame, columns by name. Errors: BadValue."""
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    elif hasattr(value, "to_dict") and hasattr(value, "columns") and not isinstance(value, pa.Table):
        value = pa.Table.from_pandas(value, preserve_index=False)
    elif isinstance(value, dict):
        value = pa.table(value)
    if not isinstance(value, pa.Table):
        advice = "return a pyarrow table, a pandas frame or columns by name"
        raise error("BadValue", f"an operator gave a {type(value).__name__}, not a table", advice)
    return carrying_roles(value, inputs)
