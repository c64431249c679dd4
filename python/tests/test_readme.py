# SPDX-License-Identifier: Apache-2.0
"""The README's first program prints what the README says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# Of the same program on another class of processor: last digits may differ.
TOLERANCE = 2e-3


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", (CHECKOUT / "python" / "README.md").read_text(), re.M | re.S)


def test_first_program():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "python"), *sys.path])}
    words = [sys.executable, "-c", blocks("python")[0]]
    printed = subprocess.run(words, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    expected = blocks("text")[0]
    changing = re.compile(r"digits-\S+:|[0-9.]+ s$", re.M)  # the name of the run, its time
    number = re.compile(r"0\.[0-9]{5}")
    mine, theirs = changing.sub("", printed), changing.sub("", expected)
    assert number.sub("N", mine) == number.sub("N", theirs)
    values = [list(map(float, number.findall(text))) for text in (mine, theirs)]
    assert values[0] == pytest.approx(values[1], abs=TOLERANCE)
