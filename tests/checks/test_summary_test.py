# SPDX-License-Identifier: Apache-2.0
"""tools/test_summary counts cases, not programs, and never takes a lost test for a passed one."""

import json
import subprocess
import sys

import tree

SUITE = '<testsuite name="all">{}</testsuite>'


class TestSummaryTest(tree.TreeTest):
    def summary(self, *cases):
        self.write("ctest.xml", SUITE.format("".join(cases)))
        done = subprocess.run([sys.executable, tree.SOURCE / "tools/test_summary", self.root], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout.splitlines()

    def own(self, name, *rows):
        self.write(f"{name}.json", json.dumps({"testsuites": [{"name": name, "testsuite": list(rows)}]}))

    def test_counts_the_cases_of_a_program(self):
        self.own("a", {"name": "x", "result": "COMPLETED"}, {"name": "y", "result": "COMPLETED"})
        code, lines = self.summary('<testcase name="a" status="run" time="1"/>', '<testcase name="b" status="run" time="1"/>')
        self.assertEqual((code, lines), (0, ["3 passed, 0 failed, 0 skipped"]))

    def test_lists_skipped_cases_with_their_reason(self):
        self.own("a", {"name": "x", "result": "SKIPPED", "skipped": [{"message": "no GPU"}]}, {"name": "y", "result": "COMPLETED"})
        code, lines = self.summary('<testcase name="a" status="run" time="1"/>')
        self.assertEqual((code, lines), (0, ["skipped: a.x: no GPU", "1 passed, 0 failed, 1 skipped"]))

    def test_names_the_case_that_failed(self):
        self.own("a", {"name": "x", "result": "COMPLETED", "failures": [{}]}, {"name": "y", "result": "COMPLETED"})
        code, lines = self.summary('<testcase name="a" status="fail" time="1"/>')
        self.assertEqual((code, lines), (1, ["failed: a.x", "1 passed, 1 failed, 0 skipped"]))

    def test_counts_a_crash_though_every_case_written_passed(self):
        self.own("a", {"name": "x", "result": "COMPLETED"})
        code, lines = self.summary('<testcase name="a" status="fail" time="1"/>')
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))

    def test_counts_a_program_that_is_not_there_as_failed(self):
        code, lines = self.summary('<testcase name="a" status="notrun" time="0"><skipped message="Unable to find executable"/></testcase>')
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
