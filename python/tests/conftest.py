# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest

from headrace.program import find_program

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def own_store(tmp_path_factory):
    """Runs of the tests are kept apart from the user's."""
    os.environ["HEADRACE_STORE"] = str(tmp_path_factory.mktemp("store"))
    find_program()


@pytest.fixture(scope="session")
def digits():
    """The digits example's table: 1797 rows, 64 features, target 64."""
    return str(CHECKOUT / "examples" / "digits" / "data" / "digits.csv.gz")
