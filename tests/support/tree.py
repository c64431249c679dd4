# SPDX-License-Identifier: Apache-2.0
"""A small checkout in a temporary folder, and the tools of tools/ run on it."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])


class TreeTest(unittest.TestCase):
    """`write` lays files, `check` runs tools/NAME on the tree and gives what it printed, line by line."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def check(self, tool, *arguments):
        done = subprocess.run([sys.executable, SOURCE / "tools" / tool, *(arguments or [self.root])],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 1 if done.stdout else 0)
        return done.stdout.splitlines()
