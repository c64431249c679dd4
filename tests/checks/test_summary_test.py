# SPDX-License-Identifier: Apache-2.0
"""tools/test_summary counts cases, not programs, and never takes a lost test for a passed one."""

import subprocess
import sys

import tree

PASSED = '<testcase name="x" status="run" result="completed"/>'
SUITE = '<testsuite name="all">{}</testsuite>'


class TestSummaryTest(tree.TreeTest):
    def summary(self, *cases):
        self.write("ctest.xml", SUITE.format("".join(cases)))
        done = subprocess.run([sys.executable, tree.SOURCE / "tools/test_summary", self.root], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout.splitlines()

    def own(self, name, *cases):
        self.write(f"{name}.xml", f'<testsuites><testsuite name="{name}">{"".join(cases)}</testsuite></testsuites>')

    def test_counts_the_cases_of_a_program(self):
        self.own("a", PASSED, '<testcase name="y" status="run" result="completed"/>')
        code, lines = self.summary('<testcase name="a" status="run" time="1"/>', '<testcase name="b" status="run" time="1"/>')
        self.assertEqual((code, lines), (0, ["3 passed, 0 failed, 0 skipped"]))

    def test_lists_skipped_cases_with_their_reason(self):
        self.own("a", PASSED, '<testcase name="y" status="run" result="skipped"><skipped message="a_test.cc:3&#x0A;no GPU"/></testcase>')
        code, lines = self.summary('<testcase name="a" status="run" time="1"/>')
        self.assertEqual((code, lines), (0, ["skipped: a.y: no GPU", "1 passed, 0 failed, 1 skipped"]))

    def test_names_the_case_that_failed(self):
        self.own("a", PASSED, '<testcase name="y" status="run" result="completed"><failure message="no"/></testcase>')
        code, lines = self.summary('<testcase name="a" status="fail" time="1"/>')
        self.assertEqual((code, lines), (1, ["failed: a.y", "1 passed, 1 failed, 0 skipped"]))

    def test_counts_a_case_that_is_switched_off_as_skipped(self):
        self.own("a", PASSED, '<testcase name="y" status="notrun" result="suppressed"/>')
        code, lines = self.summary('<testcase name="a" status="run" time="1"/>')
        self.assertEqual((code, lines), (0, ["skipped: a.y: switched off", "1 passed, 0 failed, 1 skipped"]))

    def test_counts_a_crash_though_every_case_written_passed(self):
        self.own("a", PASSED)
        code, lines = self.summary('<testcase name="a" status="fail" time="1"/>')
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))

    def test_reads_what_the_runner_of_python_cases_writes(self):
        self.write("facts_test.py", """import unittest
class Facts(unittest.TestCase):
    def test_holds(self): pass
    def test_fails(self): self.assertEqual(1, 2)
    def test_parts(self):
        for part in range(2):
            with self.subTest(part=part): self.assertEqual(part, 0)
    @unittest.skip("no network")
    def test_waits(self): pass
""")
        done = subprocess.run([sys.executable, tree.SOURCE / "tests/support/run_cases.py", "facts", self.root / "facts_test.py"],
                              capture_output=True, timeout=60,
                              env={"HEADRACE_TEST_RESULTS": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(done.returncode, 1)
        code, lines = self.summary('<testcase name="facts" status="fail" time="1"/>')
        self.assertEqual((code, lines[0], lines[-1]), (1, "skipped: facts.Facts.test_waits: no network", "1 passed, 2 failed, 1 skipped"))

    def test_counts_a_program_that_is_not_there_as_failed(self):
        lost = '<skipped message="Unable to find executable"/>'
        code, lines = self.summary(f'<testcase name="a" status="notrun" time="0">{lost}</testcase>')
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed, 0 skipped"))

    def test_counts_ctests_own_skips(self):
        code, lines = self.summary('<testcase name="a" status="notrun" time="0"><skipped message="SKIP_RETURN_CODE=77"/></testcase>',
                                   '<testcase name="b" status="run" time="1"/>')
        self.assertEqual((code, lines[-1]), (0, "1 passed, 0 failed, 1 skipped"))

    def test_fails_when_nothing_ran(self):
        self.assertEqual(self.summary(), (1, ["0 passed, 0 failed, 0 skipped"]))

    def test_fails_when_ctest_wrote_nothing(self):
        done = subprocess.run([sys.executable, tree.SOURCE / "tools/test_summary", self.root], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (1, "0 passed, 1 failed, 0 skipped"))
