# SPDX-License-Identifier: Apache-2.0
"""The program under test, in a folder and a store of its own."""

import json
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("HEADRACE_BUILD_DIR") or SOURCE / "build/release")
HEADRACE = BUILD / "bin/headrace"


def blobs(rows, columns=4, classes=("left", "middle", "right"), seed=7):
    """CSV of well-separated classes."""
    draw = random.Random(seed)
    lines = [",".join([*(f"x{column}" for column in range(columns)), "label"])]
    for row in range(rows):
        kind = row % len(classes)
        lines.append(",".join([*(f"{draw.gauss(3 * kind * (column % 2 * 2 - 1), 1):.5f}" for column in range(columns)), classes[kind]]))
    return "\n".join(lines) + "\n"


class ProgramTest(unittest.TestCase):
    """`write` lays a file in the test's folder, `run` runs the program there."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def environment(self, **more):
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color",
                "HEADRACE_STORE": str(self.folder / "store"), **more}

    def run_program(self, *words, code=0, timeout=300, **more):
        done = subprocess.run([HEADRACE, *words], cwd=self.folder, env=self.environment(**more), capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}\n{done.stderr}")
        return done

    def run_json(self, *words, **more):
        return json.loads(self.run_program(*words, "--json", **more).stdout)
