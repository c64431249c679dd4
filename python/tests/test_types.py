# SPDX-License-Identifier: Apache-2.0
"""The package is typed: mypy --strict has nothing to say."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_strict():
    files = [str(path) for path in sorted((PACKAGE / "headrace").rglob("*.py")) if "ray" not in path.parts and path.name != "worker_pb2.py"]
    words = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(PACKAGE / "pyproject.toml"),
        "--cache-dir",
        os.devnull,
        "--follow-imports",
        "silent",
    ]
    found = subprocess.run([*words, *files], cwd=PACKAGE, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
