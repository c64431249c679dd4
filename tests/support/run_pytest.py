# SPDX-License-Identifier: Apache-2.0
"""Runs pytest in a folder and, for ./test, writes what became of each case in the XML form that GoogleTest writes.

usage: run_pytest.py NAME FOLDER [PYTEST WORD ...]
"""

import os
import pathlib
import sys
import xml.etree.ElementTree

import pytest
from run_cases import words


class Recorder:
    """A plugin that keeps a <testcase> for each case."""

    def __init__(self):
        self.suite = xml.etree.ElementTree.Element("testsuite")
        self.cases = {}

    def pytest_runtest_logreport(self, report):
        case = self.cases.get(report.nodeid)
        if case is None:
            case = xml.etree.ElementTree.SubElement(self.suite, "testcase", name=words(report.nodeid), status="run", result="completed")
            self.cases[report.nodeid] = case
        if report.failed and case.find("failure") is None:
            xml.etree.ElementTree.SubElement(case, "failure", message=words(report.longreprtext))
        elif report.skipped and case.find("skipped") is None:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
            case.set("result", "skipped")
            xml.etree.ElementTree.SubElement(case, "skipped", message=words(reason))

    def pytest_collectreport(self, report):
        if report.failed:
            case = xml.etree.ElementTree.SubElement(self.suite, "testcase", name=words(report.nodeid), status="run", result="completed")
            xml.etree.ElementTree.SubElement(case, "failure", message=words(report.longreprtext))


def main(name, folder, more):
    os.chdir(folder)
    recorder = Recorder()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *more], plugins=[recorder])
    results = os.environ.get("HEADRACE_TEST_RESULTS")
    if results:
        recorder.suite.set("name", name)
        root = xml.etree.ElementTree.Element("testsuites")
        root.append(recorder.suite)
        xml.etree.ElementTree.ElementTree(root).write(pathlib.Path(results) / f"{name}.xml", encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
