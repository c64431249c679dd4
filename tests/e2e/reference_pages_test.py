# SPDX-License-Identifier: Apache-2.0
"""docs/reference is what the program prints."""

import subprocess
import sys
import unittest

from program import HEADRACE, SOURCE


class ReferencePagesTest(unittest.TestCase):
    def test_committed_pages_are_what_the_program_prints(self):
        done = subprocess.run([sys.executable, SOURCE / "tools/make_docs", "--check", HEADRACE], capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
