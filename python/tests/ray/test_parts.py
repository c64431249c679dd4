# SPDX-License-Identifier: Apache-2.0
"""Parts of headrace.ray that need no cluster: wishes, state, marks, packages, entry points."""

import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from headrace.errors import HeadraceError
from headrace.ray import cluster, connection, jobs, placement, remains, state

PACKAGE = Path(cluster.__file__).parent


def wish(**more):
    return placement.Wish.of({"group": "w", "slots": 2, "command": ["headrace", "worker"], **more})


def node(**resources):
    return {"id": "a", "ip": "127.0.0.2", "resources": resources}


def test_wish_counts_what_fits():
    nodes = [node(CPU=4.0, camera=1.0), node(CPU=3.0)]
    assert wish().fits(nodes) == 7
    assert wish(cpu=2).fits(nodes) == 3
    assert wish(custom={"camera": 1}).fits(nodes) == 1
    assert wish(node="127.0.0.3").fits(nodes) == 0


@pytest.mark.parametrize("more", [
    {"slots": -1}, {"slots": 5000}, {"group": "a/b"}, {"placement": "anywhere"}, {"command": []}, {"surprise": 1},
    {"placement": "spread", "node": "a"},
])  # fmt: skip
def test_malformed_wish_is_refused(more):
    with pytest.raises(HeadraceError) as caught:
        wish(**more)
    assert caught.value.name == "Protocol"


def test_resources_of_a_node():
    assert cluster.resources_of(["2:camera=1", "1:disk=0.5", "2:lens=3"], 2) == {"camera": 1.0, "lens": 3.0}
    for wrong in ("camera=1", "2:camera", "2:=1", "0:camera=1", "2:camera=0", "x:camera=1"):
        with pytest.raises(HeadraceError):
            cluster.resources_of([wrong], 1)


def test_state_is_for_its_owner_only(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADRACE_STATE", str(tmp_path / "state"))
    assert state.ClusterState.read() is None
    kept = state.ClusterState(mark="m", token="t", temporary="d", address="127.0.0.2:1")
    with state.exclusive():
        kept.write()
        with pytest.raises(HeadraceError):
            with state.exclusive():
                pass
    assert state.ClusterState.read() == kept
    assert (tmp_path / "state/ray/cluster.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state/ray").stat().st_mode & 0o777 == 0o700


def test_damaged_state_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADRACE_STATE", str(tmp_path))
    (tmp_path / "ray").mkdir()
    for text in ("{", "[]", '{"mark": "m"}', '{"mark": "m", "token": "t", "temporary": "d", "more": 1}'):
        (tmp_path / "ray/cluster.json").write_text(text)
        with pytest.raises(HeadraceError) as caught:
            state.ClusterState.read()
        assert caught.value.name == "Damaged"


def test_end_kills_whoever_carries_the_mark_and_nobody_else():
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    mine = [subprocess.Popen(sleep, env={**os.environ, remains.MARK: "test-mark", remains.NODE_MARK: str(n)}) for n in (1, 2)]
    other = subprocess.Popen(sleep, env={**os.environ, remains.MARK: "another-mark"})
    try:
        assert remains.end("test-mark", "2") == 1
        assert mine[1].wait(10) == -9 and mine[0].poll() is None
        assert remains.end("test-mark") == 1
        assert mine[0].wait(10) == -9 and other.poll() is None
    finally:
        for process in (*mine, other):
            process.kill()
            process.wait()


def test_addresses(monkeypatch, tmp_path):
    monkeypatch.setenv("HEADRACE_STATE", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(HeadraceError) as caught:
        connection.resolve("auto")
    assert caught.value.name == "NotFound"
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert connection.resolve("auto") == "10.0.0.1:6379"
    for wrong in ("host", "host:port", "host:0", ":1", "host:70000"):
        with pytest.raises(HeadraceError):
            connection.resolve(wrong)


def test_package_of_the_same_files_is_the_same(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).write_text(name)
    files = [(str(tmp_path / name), f"data/{name}") for name in ("b", "a")]
    first = jobs.package_of(files)
    os.utime(tmp_path / "a", (1, 1))
    assert jobs.package_of(files[::-1]) == first
    assert zipfile.ZipFile(BytesIO(first)).namelist() == ["data/a", "data/b"]
    with pytest.raises(HeadraceError) as caught:
        jobs.package_of([(str(tmp_path / "absent"), "x")])
    assert caught.value.name == "NotFound"


def test_words_of_a_job_reach_the_program_as_they_are(tmp_path):
    words = ["run", "a b.yaml", "--set", "x={grid: [1, '2']}", "$HOME", "`id`"]
    program = tmp_path / "show"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    said = subprocess.run(["/bin/sh", "-c", jobs.entrypoint_of(str(program), words)], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == words


def test_part_started_by_its_path_needs_nothing_else_of_the_package(tmp_path):
    program = f"""
import runpy, sys
sys.argv = ["ray", "cluster", "down"]
try:
    runpy.run_path({str(PACKAGE)!r}, run_name="__main__")
except SystemExit as ended:
    assert ended.code == 0, ended.code
assert "pyarrow" not in sys.modules and "ray" not in sys.modules
"""
    environment = {**os.environ, "HEADRACE_STATE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert '{"result":{"ended":0}}' in done.stdout
