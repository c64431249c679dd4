# SPDX-License-Identifier: Apache-2.0
"""Runs the cases of one unittest file and, for ./test, writes what became of each in the JSON form that GoogleTest writes.

usage: run_cases.py NAME FILE [CASE ...]
"""

import importlib.util
import json
import os
import pathlib
import sys
import unittest


class Recorder(unittest.TextTestResult):
    """Keeps one row a case: name, outcome, reason."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.rows = {}

    def startTest(self, test):
        super().startTest(test)
        self.rows[test.id()] = {"name": test.id().split(".", 1)[-1], "result": "COMPLETED"}

    def _fail(self, test, error):
        row = self.rows.setdefault(test.id(), {"name": test.id(), "result": "COMPLETED"})
        row.setdefault("failures", []).append({"failure": self._exc_info_to_string(error, test)})

    def addError(self, test, err):
        super().addError(test, err)
        self._fail(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._fail(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        row = self.rows.setdefault(test.id(), {"name": test.id()})
        row.update(result="SKIPPED", skipped=[{"message": reason}])


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
        document = {"testsuites": [{"name": name, "testsuite": list(outcome.rows.values())}]}
        (pathlib.Path(folder) / f"{name}.json").write_text(json.dumps(document))
    if not outcome.rows:
        print(f"{file}: no case ran", file=sys.stderr)
        return 1
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
