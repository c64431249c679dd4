# SPDX-License-Identifier: Apache-2.0
"""What this package repeats of the program's sources is still what they say."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import headrace as hr
from headrace.errors import CODES
from headrace.nodes import ANNOTATIONS

CHECKOUT = Path(__file__).resolve().parents[2]


def source(path):
    if not (CHECKOUT / path).exists():
        pytest.skip(f"{path} is not beside this package")
    return (CHECKOUT / path).read_text()


def test_error_codes():
    rows = dict(re.findall(r"^HEADRACE_ERROR\((\w+),\s*(\d+)", source("include/headrace/base/errors.def"), re.M))
    assert {name: int(rows[name]) for name in CODES} == CODES


def test_annotations():
    table = source("docs/reference/pipeline-options.md").partition("## evaluate")[0]
    assert tuple(re.findall(r"^\| `(\w+)`", table, re.M)) == ANNOTATIONS


def test_protocol(tmp_path):
    source("src/cluster/worker.proto")
    if shutil.which("protoc") is None:
        pytest.skip("protoc is not installed")
    subprocess.run([str(CHECKOUT / "python/tools/make_proto"), str(tmp_path)], check=True)
    for name in ("worker_pb2.py", "worker_pb2.pyi"):
        made, kept = (root / "headrace/wire" / name for root in (tmp_path, CHECKOUT / "python"))
        assert made.read_text() == kept.read_text(), "run python/tools/make_proto"


def test_version():
    found = re.search(r"project\(headrace VERSION ([0-9.]+)", source("CMakeLists.txt"))
    project = re.search(r'^version = "([0-9.]+)"', source("python/pyproject.toml"), re.M)
    assert hr.__version__ == found[1] == project[1]


def test_old_pythons_can_read_the_sources():
    import ast

    for path in sorted((CHECKOUT / "python/headrace").rglob("*.py")):
        ast.parse(path.read_text(), str(path), feature_version=(3, 9))
