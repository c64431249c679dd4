# SPDX-License-Identifier: Apache-2.0
"""Runs through the real program: results, errors, progress, interrupts, background jobs, what notebooks show."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import headrace as hr
from headrace.store import kept
from headrace.values import from_yaml


@pytest.fixture
def grid(digits, tmp_path):
    """Four paths over the digits."""
    data = hr.op.csv("digits", path=digits, header=False, target=64)
    term = data >> hr.op.pca(components=hr.grid(5, 15)) >> hr.op.logistic_regression("logistic", C=hr.grid(0.1, 1.0))
    return hr.pipeline("grid", term, seed=7, folder=str(tmp_path)).evaluate(folds=3, metric=["accuracy", "f1_macro"])


@pytest.fixture
def slow(digits, tmp_path):
    """Takes many seconds in many tasks."""
    data = hr.op.csv("digits", path=digits, header=False, target=64)
    forests = hr.op.random_forest("forest", n_estimators=400, max_features=hr.grid(*range(8, 40)))
    return hr.pipeline("slow", data >> forests, folder=str(tmp_path)).evaluate(folds=5, metric="accuracy")


def test_results_are_ranked_tables(grid):
    results = hr.run(grid, progress=False).check()
    assert len(results) == 4 and results.best is results[0] and results.best_params == {"pca.components": 15, "logistic.C": 0.1}
    assert [row.rank for row in results] == [1, 2, 3, 4]
    table = results.table()
    assert table.column_names == ["rank", "path", "mean", "std", "low", "high", "seconds", "status", "pca.components", "logistic.C"]
    scores = results.scores()
    assert scores.num_rows == 4 * 2 * 3
    of_best = [row["score"] for row in scores.to_pylist() if row["rank"] == 1 and row["metric"] == "accuracy"]
    assert sum(of_best) / 3 == pytest.approx(results.best.mean, rel=1e-12)
    frame = results.to_pandas()
    assert list(frame["pca.components"][:1]) == [15]


def test_the_second_run_remembers_and_a_place_gives_the_same(grid, tmp_path):
    first = hr.run(grid, store=tmp_path / "a", progress=False)
    again = hr.run(grid, store=tmp_path / "a", progress=False)
    assert again.document["tasks"]["executed"] < first.document["tasks"]["executed"]
    try:
        elsewhere = hr.run(grid, on="processes:2", store=tmp_path / "b", progress=False)
    except hr.HeadraceError as problem:
        pytest.skip(f"the program cannot run on processes: {problem}")
    for one, other in ((first, again), (first, elsewhere)):
        assert [(row.path, row.scores) for row in one] == [(row.path, row.scores) for row in other]

    def contents(results, store):
        return {entry["id"]: entry["content"] for entry in kept(tmp_path / store / "runs" / results.run)}

    mine, theirs = contents(first, "a"), contents(elsewhere, "b")
    assert mine and all(theirs[key] == mine[key] for key in mine.keys() & theirs.keys()), "the same bytes"


def test_changes_before_a_run(grid):
    results = hr.run(grid, set={"pca.components": 5, "logistic.C": 0.5, "evaluate.metric": "f1_macro"}, seed=3, progress=False)
    assert len(results) == 1 and results.document["seed"] == 3 and list(results[0].scores) == ["f1_macro"]
    assert hr.run(grid.set("pca.components", 5).set("logistic.C", 0.5), progress=False)[0].params == {}


def test_a_file_is_run_as_it_is(grid, tmp_path):
    saved = grid.save(tmp_path / "pipeline.yaml")
    assert saved == grid and hr.Pipeline.from_file(tmp_path / "pipeline.yaml") == grid
    assert len(hr.run(str(tmp_path / "pipeline.yaml"), progress=False)) == 4


def test_relative_paths_start_in_the_folder(tmp_path):
    (tmp_path / "data.csv").write_text("x,y\n" + "".join(f"{i},{2 * i + 1}\n" for i in range(20)))
    term = hr.op.csv(path="data.csv", target="y") >> hr.op.ridge(alpha=1e-9)
    results = hr.run(hr.pipeline("line", term, folder=str(tmp_path)).evaluate(folds=4, metric="r2"), progress=False)
    assert results.best.mean == pytest.approx(1.0, abs=1e-9)
    assert os.listdir(tmp_path) == ["data.csv"], "nothing is left behind"


def test_outputs_are_tables(grid, digits, tmp_path):
    one = hr.pipeline("one", hr.op.csv(path=digits, header=False, target=64) >> hr.op.pca(components=3), folder=str(tmp_path))
    for keep in (True, False):
        results = hr.run(one, mode="transform", keep=keep, progress=False)
        table = results.output.table()
        assert table.num_rows == 1797 and table.num_columns == 4 and hr.role_of(table.schema[0]) in ("feature", "target")
        assert len(results.output.to_pandas()) == 1797
    everything = hr.run(grid.with_(name="all"), mode="predict", progress=False)
    assert len(everything.outputs) >= 4
    assert all(output.table().num_rows > 0 for output in everything.outputs)


def test_errors_have_place_and_advice(digits):
    term = hr.op.csv(path=digits) >> hr.op.pca(component=5)
    for ask in (hr.validate, hr.run, hr.graph):
        with pytest.raises(hr.PipelineError) as problem:
            ask(term)
        found = problem.value
        assert (found.code, found.name) == (1003, "UnknownKey") and "components" in found.advice and found.line == 4 and found.column > 0
    with pytest.raises(hr.PipelineError) as problem:
        hr.validate(term >> hr.op.nonsense())
    assert [other.name for other in problem.value.others] == ["UnknownOperator"]


def test_a_failed_branch_is_reported_and_the_others_go_on(digits, tmp_path):
    data = hr.op.csv(path=digits, header=False, target=64)
    term = data >> (hr.op.pca(components=hr.grid(5, 500)) >> hr.op.gaussian_nb())
    results = hr.run(hr.pipeline("half", term, folder=str(tmp_path)).evaluate(folds=2, metric="accuracy"), progress=False)
    assert results.status == "failed" and results.errors[0]["node"].startswith("pca") and results.best.mean > 0.5
    with pytest.raises(hr.HeadraceError) as problem:
        results.check()
    assert problem.value.code == results.errors[0]["code"]
    assert "failed because" in results._repr_html_()


def test_progress_is_told(slow):
    told = []
    fewer = slow.set("forest.max_features", hr.grid(8, 16, 32))
    results = hr.run(fewer, progress=lambda done, total, words: told.append((done, total)), fresh=True)
    assert told and all(0 <= done <= total for done, total in told) and results.status == "done"


def test_interrupting_stops_the_run_and_the_same_call_finishes_it(tmp_path, slow):
    """In a process of its own, as a user's script would be."""
    slow.save(tmp_path / "slow.yaml")
    script = textwrap.dedent(
        f"""
        import headrace as hr
        try:
            hr.run({str(tmp_path / "slow.yaml")!r}, store={str(tmp_path / "store")!r}, progress=lambda *a: print("going", flush=True))
        except KeyboardInterrupt as stopped:
            print("stopped:", stopped, flush=True)
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout.readline() == "going\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    assert "stopped: the run was stopped" in rest
    stopped = hr.runs(store=tmp_path / "store")
    assert [run["status"] for run in stopped] == ["cancelled"] and stopped[0]["executed"] > 0
    shorter = hr.run(tmp_path / "slow.yaml", store=tmp_path / "store", timeout=1, progress=False)
    assert shorter.status == "cancelled" and shorter.run == stopped[0]["run"], "the same run goes on"


def test_jobs_run_in_the_background(grid, slow, tmp_path):
    with hr.submit(grid, store=tmp_path / "store") as job:
        results = job.results(timeout=120)
        assert job.status() == "done" and len(results) == 4 and "done" in job.logs()
    with hr.submit(slow, store=tmp_path / "store") as job:
        assert job.status() == "running"
        with pytest.raises(TimeoutError):
            job.wait(0.05)
        while "of" not in job.logs():
            time.sleep(0.01)
        job.cancel()
        assert job.status() == "cancelled"
    with hr.submit(hr.op.nonsense(), store=tmp_path / "store") as job:
        with pytest.raises(hr.PipelineError):
            job.results(timeout=60)
        assert job.status() == "refused"
    assert threading.active_count() < 20


def test_recorded_runs_are_shown_explained_and_reported(grid, tmp_path):
    results = hr.run(grid, store=tmp_path / "store", progress=False)
    assert [run["run"] for run in hr.runs(store=tmp_path / "store")] == [results.run]
    shown = hr.show(store=tmp_path / "store")
    assert shown.run == results.run and [row.mean for row in shown] == [row.mean for row in results]
    made = hr.explain(results.run, "pca[components=5]", store=tmp_path / "store")["made"]
    assert made["inputs"]
    page = results.report(tmp_path / "page.html")
    assert "<svg" in open(page, encoding="utf-8").read()
    for html in (results._repr_html_(), shown._repr_html_()):
        assert "<svg" in html and "<table" in html and "logistic.C" in html and "<script" not in html
    assert "<svg" in grid._repr_html_() and "nonsense" in hr.op.nonsense()._repr_html_()


def test_operators_are_listed():
    listed = {row["name"] for row in hr.ops()["operators"]}
    assert {"csv", "pca"} <= listed and listed == set(dir(hr.op)) and hr.op.pca.describe()["fits"]


def test_without_the_program_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HEADRACE", "/nowhere/headrace")
    with pytest.raises(hr.RunError) as problem:
        hr.ops()
    assert problem.value.name == "Environment"


def test_yaml_is_read_as_the_program_reads_it(tmp_path):
    """Every scalar form goes through both readers: the program shows what it understood of a parameter."""
    for text in ("0x10", "1e3", "010", "+5", ".5", "5.", "yes", "~", "'5'", '"\\u00e9"', "1_000", "-.inf", "12:30", "2024-01-01"):
        ours = from_yaml(f"v: {text}")["v"]
        file = tmp_path / "p.yaml"
        file.write_text(f"nodes: {{a: {{op: csv, path: d, nulls: [{text if isinstance(ours, str) else 'x'}], names: [{text}]}}}}")
        if isinstance(ours, str):
            assert hr.graph(str(file))["nodes"][0]["params"]["names"] == [ours], text
        else:
            with pytest.raises(hr.PipelineError):
                hr.graph(str(file))
