# SPDX-License-Identifier: Apache-2.0
"""Runs the cases of one unittest file and, for ./test, writes what became of each in the XML form that GoogleTest writes.

usage: run_cases.py NAME FILE [CASE ...]
"""

import importlib.util
import os
import pathlib
import sys
import unittest
import xml.etree.ElementTree


def words(text):
    """`text` without what XML cannot hold (a terminal's escape codes)."""
    return "".join(character if character.isprintable() else " " for character in str(text))


class Recorder(unittest.TextTestResult):
    """Keeps a <testcase> for each case."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.suite = xml.etree.ElementTree.Element("testsuite")
        self.cases = {}

    def case(self, test):
        name = test.id().split(".", 1)[-1]
        if name not in self.cases:
            self.cases[name] = xml.etree.ElementTree.SubElement(self.suite, "testcase", name=name, status="run", result="completed")
        return self.cases[name]

    def startTest(self, test):
        super().startTest(test)
        self.case(test)

    def fail(self, test, error):
        xml.etree.ElementTree.SubElement(self.case(test), "failure", message=words(error[1]))

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.case(test).set("result", "skipped")
        xml.etree.ElementTree.SubElement(self.case(test), "skipped", message=words(reason))


def main(name, file, cases):
    path = pathlib.Path(file)
    sys.path[:0] = [str(path.parent), str(pathlib.Path(__file__).parent)]
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(cases, module) if cases else loader.loadTestsFromModule(module)
    outcome = unittest.TextTestRunner(resultclass=Recorder, verbosity=2).run(suite)
    folder = os.environ.get("HEADRACE_TEST_RESULTS")
    if folder:
        outcome.suite.set("name", name)
        document = xml.etree.ElementTree.Element("testsuites")
        document.append(outcome.suite)
        xml.etree.ElementTree.ElementTree(document).write(pathlib.Path(folder) / f"{name}.xml", encoding="utf-8")
    if not outcome.cases:
        print(f"{file}: no case ran", file=sys.stderr)
        return 1
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
