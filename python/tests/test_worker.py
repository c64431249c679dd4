# SPDX-License-Identifier: Apache-2.0
"""A real worker process, driven over a real socket: results, objects in place, cancelling, logs, failures, its end."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time

import pyarrow as pa
import pytest
from driver import FIT, JOIN, PREDICT, READ, SCORE, TOKEN, TRANSFORM, UPDATE, Driver

import headrace as hr
from headrace.checksum import crc32c
from headrace.objects import Metrics, Model, decode, encode
from headrace.wire import worker_pb2 as wire
from headrace.wire.blob import Blob
from headrace.worker.objects import CHUNK_HEAD


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Driver(tmp_path_factory.mktemp("driver")) as driver:
        yield driver


@pytest.fixture
def own(tmp_path):
    with Driver(tmp_path) as driver:
        yield driver


def op(name, **params):
    return {"call": f"operators_here:{name}", **params}


TABLE = pa.table({"x": [1, 2, 3]})


def labelled(rows=60):
    x = [float(i % 7) for i in range(rows)]
    y = [float((i * 5) % 3) for i in range(rows)]
    table = pa.table({"a": x, "b": y, "label": ["low" if i % 7 < 4 else "high" for i in range(rows)]})
    return hr.with_role(table, label="target")


def test_says_who_it_is(shared):
    assert shared.hello.protocol == 1 and shared.hello.language == "python" and shared.hello.slot == "7"
    assert shared.hello.token == TOKEN.encode() and shared.hello.pid == shared.process.pid
    assert shared.hello.host.count(":") == 3 and shared.hello.version == hr.__version__


def test_runs_a_function(shared):
    assert shared.result(op("doubled"), TRANSFORM, TABLE)[0].column("x").to_pylist() == [2, 4, 6]


def test_a_source_gives_the_piece_that_is_asked_for(shared):
    assert shared.result(op("numbers", rows=2), READ)[0].num_rows == 2
    assert shared.result(op("files"), READ, piece=1)[0].to_pylist() == [{"node": "node", "part": 1}]
    assert shared.failure(op("files"), READ, piece=2).code == 4001


def test_fits_and_transforms(shared):
    model, output = shared.result(op("Centred", scale=2.0), FIT, TABLE, wants_output=True)
    assert isinstance(model, Model) and model.op == "python" and model.meta["state"]["means"] == {"x": 2.0}
    assert output.column("x").to_pylist() == [-2.0, 0.0, 2.0]
    again = shared.result(op("Centred", scale=2.0), TRANSFORM, pa.table({"x": [5]}), model=model)
    assert again[0].column("x").to_pylist() == [6.0]


def test_learns_piece_by_piece(shared):
    model = None
    for labels in (["a", "b"], ["b"], ["a", "b"]):
        table = pa.table({"label": labels})
        model = shared.result(op("Majority"), UPDATE, table, **({"model": model} if model else {}))[0]
    predicted = shared.result(op("Majority"), PREDICT, pa.table({"label": ["a"]}), model=model)[0]
    assert predicted.column("prediction").to_pylist() == ["b"]
    assert hr.role_of(predicted.schema.field("prediction")) == "prediction"


def test_runs_estimators_of_scikit_learn_and_scores_them(shared):
    node = {"call": "sklearn.linear_model:LogisticRegression", "kind": "classifier", "C": 10.0}
    table = labelled()
    model = shared.result(node, FIT, table)[0]
    predicted = shared.result(node, PREDICT, table, model=model)[0]
    assert predicted.column_names == ["label", "prediction", "probability:high", "probability:low"]
    metrics = shared.result(node, SCORE, table, model=model, metrics=["accuracy", "log_loss"])[0]
    same = sum(a == b for a, b in zip(predicted.column("label").to_pylist(), predicted.column("prediction").to_pylist()))
    assert isinstance(metrics, Metrics) and metrics.values["accuracy"] == same / table.num_rows
    assert sum(metrics.confusion) == metrics.rows == table.num_rows and list(metrics.classes) == ["high", "low"]


def test_fitting_twice_gives_the_same_bytes(shared):
    node = {"call": "sklearn.ensemble:RandomForestClassifier", "kind": "classifier", "n_estimators": 5}
    first, second = (shared.result(node, FIT, labelled())[0] for _ in range(2))
    assert encode(first) == encode(second)


def test_a_predictor_in_the_middle_hands_on_features(shared):
    node = {"call": "sklearn.linear_model:Ridge", "kind": "regressor"}
    table = hr.with_role(pa.table({"a": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 4.0]}), y="target")
    output = shared.result(node, FIT, table, wants_output=True)[1]
    assert [hr.role_of(field) for field in output.schema] == ["target", "feature"]


def test_a_tuple_counts_as_its_parts_and_a_join_makes_one(shared):
    other = pa.table({"z": [7]})
    joined = shared.result({}, JOIN, TABLE, other)[0]
    assert joined[1].column("z").to_pylist() == [7]


def test_large_objects_are_read_in_place_and_cannot_be_written(shared):
    big = pa.table({"x": list(range(100_000))})
    where = shared.result(op("address"), TRANSFORM, big)[0].to_pylist()[0]
    assert where["map"].startswith("/memfd:headrace") and where["rights"] == "r--s"


def test_large_results_come_as_sealed_memory(shared):
    done, values = shared.done(shared.call(shared.recipe(op("numbers", rows=100_000)), READ))
    assert done.outputs[0].descriptor == 1 and values[0].num_rows == 100_000


def test_objects_are_kept_until_they_are_forgotten(shared):
    number = shared.number()
    known = wire.Input(object=number, size=0)
    data = encode(TABLE)
    shared.send(wire.OBJECTS, wire.Objects(objects=[wire.Input(object=number, size=len(data), inline=data)]))
    assert shared.result(op("doubled"), TRANSFORM, known)[0].num_rows == 3
    assert shared.result(op("doubled"), TRANSFORM, known)[0].num_rows == 3
    shared.send(wire.FORGET, wire.Forget(objects=[number]))
    call = shared.call(shared.recipe(op("doubled")), TRANSFORM, known)
    shared.wait(lambda: shared.answers.get(wire.FETCH))  # it asks for it again
    shared.send(wire.MISSING, wire.Missing(object=number))
    done, _ = shared.done(call)
    assert done.error.code == 5007 and done.lost_object == number


def test_fetched_objects_come_in_chunks(own):
    number, data = own.number(), encode(pa.table({"x": list(range(1000))}))
    call = own.call(own.recipe(op("doubled")), TRANSFORM, wire.Input(object=number, size=len(data)))
    own.wait(lambda: own.answers.get(wire.FETCH))
    half = len(data) // 2
    own.channel.send(wire.CHUNK, CHUNK_HEAD.pack(number, 0, len(data)) + data[:half])
    own.channel.send(wire.CHUNK, CHUNK_HEAD.pack(number, half, len(data)) + data[half:])
    assert own.done(call)[1][0].num_rows == 1000


def test_gives_back_the_bytes_of_what_it_holds(own):
    done, values = own.done(own.call(own.recipe(op("numbers", rows=200_000)), READ))
    own.send(wire.FETCH, wire.Fetch(object=done.outputs[0].object))
    size = done.outputs[0].size
    own.wait(lambda: sum(len(piece) - CHUNK_HEAD.size for piece in own.answers.get(wire.CHUNK, [])) == size)
    assert encode(decode(b"".join(piece[CHUNK_HEAD.size :] for piece in own.answers[wire.CHUNK]))) == encode(values[0])
    own.send(wire.FETCH, wire.Fetch(object=987654))
    own.wait(lambda: own.answers.get(wire.MISSING))


def test_works_over_tcp_and_keeps_large_results(tmp_path):
    with Driver(tmp_path, family=socket.AF_INET) as driver:
        assert driver.result(op("doubled"), TRANSFORM, TABLE)[0].num_rows == 3
        done, values = driver.done(driver.call(driver.recipe(op("numbers", rows=100_000)), READ))
        assert done.outputs[0].descriptor == 0 and values == [done.outputs[0].object]


def test_exceptions_name_the_line(shared):
    failure = shared.failure(op("failing"), TRANSFORM, TABLE)
    assert failure.code == 3001
    assert (
        "ValueError: no luck with column x" in failure.message
        and "operators_here.py:" in failure.message
        and "in failing" in failure.message
    )
    shared.wait(lambda: any("Traceback" in log.text for log in shared.logs))


def test_leaving_fails_the_call_and_not_the_worker(shared):
    assert "SystemExit" in shared.failure(op("leaving"), TRANSFORM, TABLE).message
    assert shared.result(op("doubled"), TRANSFORM, TABLE)


@pytest.mark.parametrize(
    "params, code",
    [
        (op("nothing"), 1006),
        ({"call": "no_such_module:f"}, 1006),
        ({"call": "nothing"}, 1004),
        ({}, 1005),
        (op("doubled", code="sha256:0000"), 4006),
        (op("Stubborn"), 2010),
    ],
)
def test_wrong_nodes_have_codes(shared, params, code):
    phase = FIT if "Stubborn" in str(params) else TRANSFORM
    assert shared.failure(params, phase, TABLE).code == code


def test_source_that_came_with_the_pipeline_runs(shared):
    source = "@hr.operator\ndef one(table):\n    return table.slice(0, 1)\n"
    assert shared.result({"call": ":one", "source": source}, TRANSFORM, TABLE)[0].num_rows == 1


def test_what_user_code_prints_is_relayed_before_the_report(shared):
    shared.result(op("talking"), TRANSFORM, TABLE)
    said = [(log.level, log.text) for log in shared.logs]
    assert (2, "said in Python") in said and (1, "complained in Python") in said and (2, "said by another program") in said


@pytest.mark.parametrize("name", ["waiting", "counting"])
def test_a_running_call_can_be_cancelled(own, name):
    call = own.call(own.recipe(op(name)), TRANSFORM, TABLE)
    own.wait(lambda: call in own.started)
    own.send(wire.CANCEL, wire.Cancel(call=call))
    done, _ = own.done(call)
    assert done.error.code == 3003
    assert own.result(op("doubled"), TRANSFORM, TABLE), "the worker goes on"


def test_a_call_that_has_not_started_is_given_back(own):
    running = own.call(own.recipe(op("waiting")), TRANSFORM, TABLE)
    behind, last = (own.call(own.recipe(op("doubled")), TRANSFORM, TABLE) for _ in range(2))
    own.wait(lambda: running in own.started)
    own.send(wire.CANCEL, wire.Cancel(call=behind, recall=True))
    assert own.wait(lambda: own.answers.get(behind)) == "returned"
    own.send(wire.CANCEL, wire.Cancel(call=last))
    assert own.done(last)[0].error.code == 3003
    own.send(wire.CANCEL, wire.Cancel(call=running, recall=True))  # it runs: it is not given back
    own.wait(lambda: own.started.count(running) == 2)
    own.send(wire.CANCEL, wire.Cancel(call=running))
    assert own.done(running)[0].error.code == 3003


def test_heartbeats_come_while_user_code_runs(own):
    call = own.call(own.recipe(op("counting")), TRANSFORM, TABLE)
    own.wait(lambda: call in own.started)
    before = len(own.heartbeats)
    own.wait(lambda: len(own.heartbeats) >= before + 5)
    assert call not in own.answers


def test_progress_is_told(own):
    call = own.call(own.recipe(op("waiting")), TRANSFORM, TABLE)
    own.wait(lambda: own.progress)
    assert own.progress[0].call == call and own.progress[0].share == 0.25


def test_ends_when_told(own):
    own.send(wire.SHUTDOWN, wire.Shutdown(reason="the tests"))
    assert own.process.wait(30) == 0


def test_ends_with_its_driver_whatever_user_code_does(own):
    call = own.call(own.recipe(op("counting")), TRANSFORM, TABLE)
    own.wait(lambda: call in own.started)
    own.channel.close()
    own.process.wait(30)


def test_ends_with_the_process_that_started_it(tmp_path):
    with Driver(tmp_path, parent=1, hello=False) as driver:  # not its parent
        assert driver.process.wait(30) == 3


def test_a_killed_worker_leaves_no_shared_memory(own):
    big = pa.table({"x": list(range(1_000_000))})
    call = own.call(own.recipe(op("dying")), TRANSFORM, big)
    own.process.wait(30)
    own.wait(lambda: own.closed)
    assert call not in own.answers and not [name for name in os.listdir("/dev/shm") if "headrace" in name]


def frame(kind, payload, size=None, crc=None, descriptors=0):
    tail = struct.pack("<HH", kind, descriptors)
    return (
        struct.pack("<II", len(payload) if size is None else size, crc32c(payload, crc32c(tail)) if crc is None else crc) + tail + payload
    )


@pytest.mark.parametrize(
    "what",
    [
        frame(wire.CALL, b"\xff\xff\xff"),
        frame(wire.CALL, b"", size=1 << 31),
        frame(wire.CALL, b"abc", crc=1),
        frame(999, b""),
        frame(wire.CALL, wire.Call(number=1, recipe=77).SerializeToString()),
        frame(wire.CALL, b"", descriptors=3),
        frame(wire.CHUNK, b"short"),
        frame(wire.OBJECTS, wire.Objects(objects=[wire.Input(object=1, size=5, descriptor=9)]).SerializeToString()),
    ],
    ids=["no message", "2 GB", "checksum", "unknown kind", "no recipe", "no descriptors", "half a chunk", "absent descriptor"],
)
def test_a_driver_that_talks_nonsense_ends_the_worker(own, what):
    own.channel._socket.sendall(what)
    assert own.process.wait(30) is not None


def test_an_unsealed_object_is_refused(own):
    data = encode(TABLE)
    descriptor = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    os.write(descriptor, data)
    own.send(wire.OBJECTS, wire.Objects(objects=[wire.Input(object=1, size=len(data), descriptor=1)]), [descriptor])
    assert own.process.wait(30) is not None
    os.close(descriptor)
    with pytest.raises(hr.HeadraceError):
        Blob.adopt(os.open(__file__, os.O_RDONLY), 10)


def test_needs_a_token_and_a_welcome(tmp_path):
    words = [sys.executable, "-m", "headrace.worker", "--connect", "unix:/nowhere"]
    environment = {name: value for name, value in os.environ.items() if name != "HEADRACE_TOKEN"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    assert subprocess.run(words, env=environment, capture_output=True).returncode == 2
    environment["HEADRACE_TOKEN"] = "x"
    assert subprocess.run(words, env=environment, capture_output=True).returncode == 3
    with Driver(tmp_path, hello=False) as driver:
        from headrace.wire.channel import Channel

        channel = Channel(driver.listener.accept()[0])
        channel.receive()
        channel.send(wire.REFUSED, wire.Refused(code=5002, message="not you").SerializeToString())
        assert driver.process.wait(30) == 3 and b"not you" in driver.process.stdout.read()


def test_interrupts_at_a_terminal_are_the_drivers(own):
    own.process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    assert own.result(op("doubled"), TRANSFORM, TABLE)
