# SPDX-License-Identifier: Apache-2.0
"""Operators that the tests of the worker call, as a user would write them."""

import os
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.compute as pc

import headrace as hr


@hr.operator
def doubled(table, column="x"):
    index = table.schema.get_field_index(column)
    return table.set_column(index, table.field(index), pc.multiply(table.column(index), 2))


@hr.operator
def numbers(rows=3):
    return pa.table({"x": list(range(rows))})


@hr.operator
def files(context):
    return [pa.table({"node": [context.node], "part": [part]}) for part in range(2)]


@hr.operator
def address(table):
    """Where the first column's values lie, and whether the bytes could be written."""
    buffer = table.column(0).chunk(0).buffers()[1]
    with open("/proc/self/maps", encoding="ascii") as maps:
        spans = [line.split() for line in maps]
    inside = [row for row in spans if int(row[0].split("-")[0], 16) <= buffer.address < int(row[0].split("-")[1], 16)]
    return pa.table({"map": [" ".join(inside[0][5:])], "rights": [inside[0][1]]})


@hr.operator
def failing(table):
    raise ValueError("no luck with column x")


@hr.operator
def leaving(table):
    sys.exit(3)


@hr.operator
def dying(table):
    os._exit(9)


@hr.operator
def talking(table):
    print("said in Python")
    print("complained in Python", file=sys.stderr)
    subprocess.run(["echo", "said by another program"], check=True)
    return table


@hr.operator
def waiting(table, context):
    context.progress(0.25)
    time.sleep(60)
    return table


@hr.operator
def counting(table):
    """Holds the interpreter, as pure Python code does."""
    end = time.monotonic() + 60
    try:
        while time.monotonic() < end:
            pass
    except Exception:
        pass
    return table


@hr.operator
class Centred:
    """Takes the mean of each numeric column away."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, table):
        self.means = {name: pc.mean(table.column(name)).as_py() for name in table.column_names}
        self.rows = table.num_rows

    def transform(self, table):
        columns = [pc.multiply(pc.subtract(table.column(name), self.means[name]), self.scale) for name in table.column_names]
        return pa.table(dict(zip(table.column_names, columns)))


@hr.operator(kind="classifier")
class Majority:
    """Learns, piece by piece, which class is most frequent."""

    def __init__(self):
        self.counts = {}

    def partial_fit(self, table):
        for name in table.column(table.num_columns - 1).to_pylist():
            self.counts[name] = self.counts.get(name, 0) + 1

    def predict(self, table):
        return [max(sorted(self.counts), key=self.counts.get)] * table.num_rows


@hr.operator
class Stubborn:
    """Its state cannot be kept."""

    def fit(self, table):
        self.file = open(os.devnull)  # noqa: SIM115 that is the point

    def transform(self, table):
        return table
