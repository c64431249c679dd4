# SPDX-License-Identifier: Apache-2.0
"""Python operators as nodes: what they are in a graph, and what a call of them gives."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy
import operators_here as ops
import pyarrow as pa
import pytest

import headrace as hr
from headrace.calls import FIT, PREDICT, SCORE, TRANSFORM, UPDATE, Context, Work, perform
from headrace.objects import encode
from headrace.operators import code_of, kind_of, resolve
from headrace.state import of_model, put_together, take_apart, to_model


def call(node, phase, *tables, model=None, seed=3, **fields):
    params = {"kind": node.pipeline().nodes[0].op.partition("_")[2], **node.params}   # as the worker has it from the operator's name
    return perform(Work(params, phase, **fields), list(tables), model, Context(node=node.name, seed=seed))


def labelled(rows=120):
    draw = numpy.random.default_rng(1)
    matrix = draw.normal(size=(rows, 3))
    label = numpy.where(matrix[:, 0] + matrix[:, 1] > 0, "up", "down")
    table = pa.table(
        {**{f"x{i}": matrix[:, i] for i in range(3)}, "id": list(range(rows)), "label": label, "value": matrix @ [1.0, 2.0, 0.5]}
    )
    return table


CLASSES = hr.with_role(labelled().drop_columns(["value"]), label="target", id="ignore")
VALUES = hr.with_role(labelled().drop_columns(["label"]), value="target", id="ignore")


def test_a_node_is_an_address_parameters_and_a_digest():
    node = ops.doubled.node("twice", column=hr.grid("x", "y"), retries=2)
    value = node.pipeline().nodes[0].to_value()
    assert value == {
        "op": "python_function", "call": "operators_here:doubled", "code": code_of(ops.doubled),
        "column": {"grid": ["x", "y"]}, "retries": 2,
    }  # fmt: skip
    assert re.match(r"sha256:[0-9a-f]{16}\Z", value["code"])
    assert hr.Pipeline.from_yaml(node.pipeline().to_yaml()) == node.pipeline()
    assert str(hr.op.csv("d", path="d") >> node) == 'd >> twice{column: ["x", "y"]}'


def test_kinds_are_found_out():
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    found = [kind_of(one) for one in (ops.numbers, ops.files, ops.doubled, ops.Centred, PCA, RandomForestClassifier, RandomForestRegressor)]
    assert found == ["source", "source", "function", "transformer", "transformer", "classifier", "regressor"]
    with pytest.raises(hr.PipelineError):
        kind_of(int)
    with pytest.raises(hr.PipelineError):
        hr.operator(kind="nonsense")(ops.numbers)


def test_estimators_give_their_changed_parameters():
    from sklearn.linear_model import LogisticRegression

    node = hr.python(LogisticRegression(C=2.5), max_iter=50)
    import sklearn

    assert node.name == "LogisticRegression"
    assert node.params == {
        "call": "sklearn.linear_model:LogisticRegression", "code": f"sklearn {sklearn.__version__}", "C": 2.5,
        "max_iter": 50,
    }  # fmt: skip


def test_what_no_worker_could_find_is_refused():
    def inner(table):
        return table

    with pytest.raises(hr.PipelineError):
        hr.python(inner)
    with pytest.raises(hr.PipelineError):
        hr.python("module:name")
    with pytest.raises(hr.PipelineError):
        hr.python(ops.doubled, call="other")


def test_a_script_sends_its_source(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import headrace as hr\n\n@hr.operator\ndef first(table, rows=1):\n    return table.slice(0, rows)\n\n"
        "node = first.node(rows=2)\nprint(node.pipeline().to_yaml())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    text = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True).stdout
    node = hr.Pipeline.from_yaml(text).nodes[0]
    assert node.params["call"] == ":first" and "return table.slice" in node.params["source"]
    assert perform(Work(node.params, TRANSFORM), [labelled()], None, Context())[0].num_rows == 2


def test_a_changed_function_is_noticed():
    assert resolve("operators_here:doubled", code=code_of(ops.doubled)) is ops.doubled
    with pytest.raises(hr.DataError) as problem:
        resolve("operators_here:doubled", code="sha256:0123456789abcdef")
    assert problem.value.name == "Version"


def test_roles_stay_with_columns():
    doubled = call(ops.doubled.node(column="x0"), TRANSFORM, CLASSES)[0]
    assert [hr.role_of(field) for field in doubled.schema] == [hr.role_of(field) for field in CLASSES.schema]


@pytest.mark.parametrize(
    "path, params, table",
    [
        ("sklearn.linear_model:LogisticRegression", {}, CLASSES),
        ("sklearn.ensemble:RandomForestClassifier", {"n_estimators": 4}, CLASSES),
        ("sklearn.svm:LinearSVC", {}, CLASSES),
        ("sklearn.ensemble:GradientBoostingRegressor", {"n_estimators": 30}, VALUES),
        ("sklearn.linear_model:Ridge", {"alpha": 0.5}, VALUES),
    ],
)
def test_estimators_predict_what_scikit_learn_does(path, params, table):
    import inspect

    made_by = resolve(path)
    kind = kind_of(made_by)
    node = hr.python(made_by, **params)
    model = call(node, FIT, table)[0]
    again = hr.decode(encode(model))
    predicted = call(node, PREDICT, table, model=again)[0]
    if "random_state" in inspect.signature(made_by).parameters:
        params = {**params, "random_state": 3}
    matrix, goal = hr.tables.features([table]), hr.tables.target(table)[0].to_pylist()
    expected = made_by(**params).fit(matrix, goal).predict(matrix)
    assert predicted.column("prediction").to_pylist() == expected.tolist()
    assert predicted.column_names[:2] == ["id", "label" if kind == "classifier" else "value"]
    metric = "accuracy" if kind == "classifier" else "r2"
    scores = call(node, SCORE, table, model=again, metrics=[metric])[0]
    assert scores.rows == table.num_rows and 0.5 < scores.values[metric] <= 1
    assert encode(call(node, FIT, table)[0]) == encode(model), "equal fits, equal bytes"


def test_transformers_name_their_columns():
    from sklearn.decomposition import PCA

    model, out = call(hr.python(PCA(n_components=2)), FIT, CLASSES, wants_output=True)
    assert out.column_names == ["id", "label", "pca0", "pca1"]
    assert call(hr.python(PCA(n_components=2)), FIT, CLASSES, model=model, output_only=True)[1].equals(out)


def test_torch_modules_are_trained_from_the_seed():
    pytest.importorskip("torch")
    import torch_here

    node = hr.python(torch_here.Small, kind="classifier", epochs=30, learning_rate=0.05, hidden=8)
    model = call(node, FIT, CLASSES)[0]
    assert encode(call(node, FIT, CLASSES)[0]) == encode(model) != encode(call(node, FIT, CLASSES, seed=4)[0])
    assert {tensor.dtype for tensor in model.tensors.values()} == {"f32"}
    assert call(node, SCORE, CLASSES, model=hr.decode(encode(model)), metrics=["accuracy"])[0].values["accuracy"] > 0.9
    line = hr.python(torch_here.Small, kind="regressor", epochs=60, learning_rate=0.05)
    assert call(line, SCORE, VALUES, model=call(line, FIT, VALUES)[0], metrics=["r2"])[0].values["r2"] > 0.8


def test_pieces_update_a_model():
    node = ops.Majority.node()
    model = call(node, UPDATE, pa.table({"label": ["a"]}))[0]
    model = call(node, UPDATE, pa.table({"label": ["b", "b"]}), model=model)[0]
    assert model.meta["state"] == {"counts": {"a": 1, "b": 2}}


def test_states_come_back():
    state = {
        "a": [1, (2.5, None)],
        3: "key",
        "array": numpy.eye(2),
        "number": numpy.float32(0.5),
        "texts": numpy.array(["x", "y"]),
        "raw": b"\0",
    }
    state.update(table=pa.table({"x": [1]}), big=1 << 80)
    back = of_model(hr.decode(encode(to_model("python", {}, state))))
    assert back["a"] == [1, (2.5, None)] and back[3] == "key" and back["big"] == 1 << 80 and back["raw"] == b"\0"
    assert (back["array"] == numpy.eye(2)).all() and back["number"] == numpy.float32(0.5) and back["texts"].tolist() == ["x", "y"]
    assert back["table"].equals(state["table"])
    with pytest.raises(hr.PipelineError) as problem:
        to_model("python", {}, {"deep": [lambda: None]})
    assert "deep[0]" in problem.value.message


def test_models_with_strange_classes_are_refused():
    from sklearn.preprocessing import FunctionTransformer

    schema, files = take_apart(FunctionTransformer(func=numpy.log1p))
    assert put_together(schema, files).func is numpy.log1p
    for strange in ("os.system", "builtins.eval", "subprocess.Popen"):
        module, _, name = strange.rpartition(".")
        hostile = schema.replace('"log1p"', f'"{name}"').replace('"numpy"', f'"{module}"')
        assert hostile != schema
        with pytest.raises(hr.HeadraceError) as problem:
            put_together(hostile, files)
        assert problem.value.name in ("Refused", "Damaged")


def test_matrices_refuse_text_and_name_the_column():
    with pytest.raises(hr.DataError) as problem:
        hr.tables.features([pa.table({"x": [1.0], "city": ["Rome"]})])
    assert "city" in problem.value.message
    with pytest.raises(hr.DataError):
        hr.tables.target(pa.table({"x": [1.0]}))


def test_the_worker_is_welcome_at_the_real_driver(digits, tmp_path):
    """A run of the program takes a Python worker and a native one; both leave when it ends."""
    from headrace.program import find_program

    term = hr.op.csv(path=digits, header=False, target=64) >> hr.op.pca(components=3)
    hr.pipeline("p", term).save(tmp_path / "p.yaml")
    address = f"unix:{tmp_path / 'fleet.sock'}"
    program = find_program()
    words = [program, "run", str(tmp_path / "p.yaml"), "--on", f"workers:2@{address}", "--json", "--store", str(tmp_path / "store")]
    driver = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said = driver.stderr.readline()
        token = re.search(r"HEADRACE_TOKEN=(\w+)", said)
        if token is None:
            pytest.skip(f"the program takes no workers yet: {said.strip()}")
        environment = {**os.environ, "HEADRACE_TOKEN": token[1], "PYTHONPATH": os.pathsep.join(sys.path)}
        python = subprocess.Popen([sys.executable, "-m", "headrace.worker", "--connect", address, "--slot", "py"], env=environment)
        time.sleep(2)  # the run begins with the first worker, and needs the native one
        native = subprocess.Popen([program, "worker", "--connect", address, "--slot", "native"], env=environment)
        out, talk = driver.communicate(timeout=120)
        assert driver.returncode == 0, talk
        assert '"done"' in out
        assert (python.wait(30), native.wait(30)) == (0, 0)
    finally:
        if driver.poll() is None:
            driver.kill()
            driver.wait()
    assert not Path(tmp_path / "fleet.sock").exists()
