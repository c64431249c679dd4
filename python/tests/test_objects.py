# SPDX-License-Identifier: Apache-2.0
"""The encoding is the program's, byte for byte: tables go through it and come back, and what runs have kept is encoded again."""

import datetime
import decimal
import random
from collections import Counter
from pathlib import Path

import numpy
import pyarrow as pa
import pytest

import headrace as hr
from headrace.checksum import crc32c, crc32c_by_table
from headrace.objects import KINDS, Metrics, Model, Tensor, TensorSet, decode, encode, encoded_pieces, kind_of
from headrace.store import objects_of, store_folder
from headrace.value_codec import decode_value, encode_value

SEED = 77
DATA = Path(__file__).resolve().parent / "data"


def column(draw, kind, rows, nulls):
    def one():
        if nulls and draw.random() < 0.3:
            return None
        if pa.types.is_boolean(kind):
            return draw.random() < 0.5
        if pa.types.is_integer(kind):
            return draw.randint(0, 100)
        if pa.types.is_floating(kind):
            return numpy.float16(draw.randint(0, 9)) if kind == pa.float16() else draw.choice([0.5, -0.0, 1e300, float("inf")])
        if pa.types.is_timestamp(kind):
            return datetime.datetime(2024, 1, draw.randint(1, 28))
        if pa.types.is_date(kind):
            return datetime.date(2024, draw.randint(1, 12), 1)
        if pa.types.is_decimal(kind):
            return decimal.Decimal(draw.randint(0, 99))
        if pa.types.is_time(kind):
            return datetime.time(draw.randint(0, 23))
        if pa.types.is_duration(kind):
            return datetime.timedelta(seconds=draw.randint(0, 99))
        return draw.choice(["", "a", "größer", "a longer text than that"])

    values = [one() for _ in range(rows)]
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


TYPES = [
    pa.bool_(), pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64(), pa.float16(),
    pa.float32(), pa.float64(), pa.string(), pa.large_string(), pa.timestamp("us"), pa.date32(), pa.decimal128(8, 2), pa.time64("us"),
    pa.duration("ms"), pa.dictionary(pa.int32(), pa.string()), pa.null(),
]  # fmt: skip


def random_table(draw, rows):
    """Any types, nulls here and there, several chunks, slices of longer arrays, roles."""
    columns, fields = [], []
    for index, kind in enumerate(draw.sample(TYPES, draw.randint(1, 6))):
        nulls = draw.random() < 0.6
        cut = sorted(draw.sample(range(rows + 1), min(2, rows + 1))) if draw.random() < 0.4 else []
        if pa.types.is_null(kind):
            chunks = [pa.nulls(rows)]
        else:
            longer = column(draw, kind, rows + 9, nulls)
            whole = longer.slice(draw.randint(0, 9), rows)
            edges = [0, *cut, rows]
            chunks = [whole.slice(start, end - start) for start, end in zip(edges, edges[1:])]
        columns.append(pa.chunked_array(chunks, kind))
        fields.append(pa.field(f"c{index}", kind))
    table = pa.Table.from_arrays(columns, schema=pa.schema(fields))
    return hr.with_role(table, c0=draw.choice(["feature", "target", "group", "weight", "ignore"]))


def compact(table):
    """The same in fresh memory."""
    columns = [pa.array(column.to_pylist(), column.type) for column in table.columns]
    columns = [new if not pa.types.is_dictionary(old.type) else old.combine_chunks() for new, old in zip(columns, table.columns)]
    return pa.Table.from_arrays(columns, schema=table.schema)


def through_the_program(table, folder, run_store):
    """The bytes that the program gives a table: it is read from an Arrow file and kept."""
    table = compact(table)
    path = folder / "table.arrow"
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)
    pipeline = hr.pipeline("p", hr.op.arrow("read", path=str(path)) >> hr.op.identity("kept"))
    results = hr.run(pipeline.with_(folder=str(folder)), mode="transform", store=str(run_store), progress=False).check()
    tables = [data for _, data in objects_of(str(run_store), results.run)]
    assert len(tables) == 1
    return tables[0]


@pytest.mark.parametrize("case", range(25))
def test_tables_are_encoded_as_the_program_does(case, tmp_path):
    draw = random.Random(SEED + case)
    print("seed", SEED + case)
    table = random_table(draw, draw.choice([1, 2, 7, 8, 9, 65, 200]))
    theirs = through_the_program(table, tmp_path, tmp_path / "store")
    ours = encode(table)
    assert ours == theirs
    assert encode(decode(theirs)) == theirs


@pytest.fixture(scope="module")
def kept(digits, tmp_path_factory):
    """What runs of many operators have kept: by kind, the encodings."""
    folder = tmp_path_factory.mktemp("kept")
    data = hr.op.csv("digits", path=digits, header=False, target=64)
    rows = data >> hr.op.sample_rows(n=200)
    models = (
        hr.op.random_forest(n_estimators=3)
        | hr.op.gradient_boosting(n_estimators=3)
        | hr.op.mlp_classifier(hidden_layer_sizes=[4], max_iter=3)
        | hr.op.gaussian_nb()
        | hr.op.voting(estimators=[{"op": "gaussian_nb"}, {"op": "decision_tree"}])
    )
    for pipeline, mode in (
        ((rows >> models).evaluate(folds=2, metric="accuracy"), "fit"),
        ((rows >> hr.op.pca(components=2)).pipeline(), "transform"),
    ):
        hr.run(pipeline.with_(folder=str(folder)), mode=mode, store=str(folder / "store"), progress=False)
    found = [data for run in hr.runs(store=str(folder / "store")) for _, data in objects_of(str(folder / "store"), run["run"])]
    return found


def test_everything_that_runs_keep_is_encoded_again_to_the_same_bytes(kept):
    kinds = Counter()
    for data in kept:
        value = decode(data)
        kinds[KINDS[kind_of(value)]] += 1
        assert encode(value) == bytes(data)
    assert set(kinds) == {"table", "tensors", "model", "metrics"}, kinds

    assert any(model.parts for model in map(decode, kept) if isinstance(model, Model)), "some model has members"


def test_all_kinds_are_encoded_as_the_program_does():
    """The file was made by all_kinds.cc beside it."""
    theirs = (DATA / "all_kinds.hro").read_bytes()
    empty, model, scores, inner = decode(theirs)
    assert empty == b"" and model.blobs == {"b\x01": b"\0\1\2"} and model.meta == {"k": [1, None, 2.5, 'ü"\\\n']}
    assert model.parts[0].op == "part" and scores.values == {"accuracy": 0.5} and inner[0]["none"].shape == (0, 4)
    assert encode((empty, model, scores, inner)) == theirs
    unsummed = (DATA / "all_kinds_unsummed.hro").read_bytes()
    assert b"".join(encoded_pieces(decode(unsummed), checksums=False)) == unsummed


def test_tables_and_tensors_view_the_buffer():
    table = pa.table({"x": list(range(1000))})
    data = encode(table)
    start = pa.py_buffer(data).address
    found = decode(data)
    assert start <= found.column("x").chunk(0).buffers()[1].address < start + len(data)
    data = encode(TensorSet(w=Tensor.of(numpy.arange(1000.0))))
    start = pa.py_buffer(data).address
    assert start <= decode(data)["w"].numpy().ctypes.data < start + len(data)
    assert not decode(data)["w"].numpy().flags.writeable


def test_all_kinds_come_back_equal():
    tensors = TensorSet(a=Tensor.of(numpy.arange(6, dtype="int32").reshape(2, 3)), none=Tensor.of(numpy.zeros((0, 4))))
    model = Model("pca", 2, {"k": [1, None, 2.5, "ü"]}, tensors, {"booster": b"\0\1"}, [Model("part")])
    for value in (b"", b"bytes", tensors, model, Metrics({"r2": float("nan")}, 3, ["a", "b"], [1, 2, 3, 4]), (b"x", (tensors,))):
        again = decode(encode(value))
        assert encode(again) == encode(value)
    assert decode(encode(model)).to_dict() == model.to_dict()


def test_every_dtype_comes_back():
    for name in ("float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"):
        value = numpy.array([[0, 1], [1, 0]], dtype=name)
        assert (Tensor.of(value).numpy() == value).all() and Tensor.of(value).numpy().dtype == value.dtype
    torch = pytest.importorskip("torch")
    for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.int64, torch.bool):
        value = torch.tensor([[0, 1], [1, 0]], dtype=dtype)
        assert torch.equal(decode(encode(TensorSet(t=Tensor.of(value))))["t"].torch(), value)


def test_values_come_back():
    value = {"a": [None, True, False, 0, -(1 << 63), 1.5, "text", {"b": {}}], "": []}
    assert decode_value(encode_value(value)) == value
    for wrong in (b"", b"\x09", b"\x01\x02", b"\x04\xff\xff\xff\xff", b"\x05\x01\0\0\0", b"\x00\x00"):
        with pytest.raises(hr.DataError):
            decode_value(wrong)


def test_one_changed_bit_is_found():
    data = encode((pa.table({"x": [1, None, 3], "t": ["a", "b", None]}), TensorSet(w=Tensor.of(numpy.arange(3.0)))))
    draw = random.Random(SEED)
    for _ in range(400):
        at, bit = draw.randrange(len(data)), 1 << draw.randrange(8)
        changed = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
        with pytest.raises(hr.DataError):
            decode(changed)


def test_cut_short_and_hostile_bytes_are_errors():
    data = encode(pa.table({"x": [1, 2, 3]}))
    for length in range(0, len(data), 7):
        with pytest.raises(hr.DataError):
            decode(data[:length])
    with pytest.raises(hr.DataError):
        decode(data + b"\0")
    nested = b"x"
    with pytest.raises(hr.PipelineError):
        for _ in range(40):
            nested = (nested,)
        encode(nested)


def test_version_is_told():
    data = bytearray(encode(b"x"))
    data[4] = 9
    with pytest.raises(hr.HeadraceError) as problem:
        decode(bytes(data))
    assert problem.value.name == "Version"


def test_checksums_agree():
    draw = random.Random(SEED)
    for size in (0, 1, 5, 1000):
        data = draw.randbytes(size)
        assert crc32c(data) == crc32c_by_table(data) == crc32c(data[size // 2 :], crc32c(data[: size // 2]))


def test_objects_of_a_store_are_found_by_id(digits, tmp_path):
    pipeline = hr.pipeline("p", hr.op.csv(path=digits, header=False, target=64) >> hr.op.pca(components=2))
    results = hr.run(pipeline, store=tmp_path / "store", progress=False)
    found = objects_of(store_folder(tmp_path / "store"), results.run)
    assert found and hr.store.read_object(store_folder(tmp_path / "store"), found[0][0][:12]).op == "pca"
    with pytest.raises(hr.HeadraceError):
        hr.store.read_object(store_folder(tmp_path / "store"), "ffffffffffff")
