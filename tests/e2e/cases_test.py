# SPDX-License-Identifier: Apache-2.0
"""Runs the text cases of tests/e2e/cases, one test a case. HEADRACE_UPDATE=1 writes what comes out into the files, for golden text
that changed on purpose; read the difference before it is committed."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import case_file

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("HEADRACE_BUILD_DIR") or SOURCE / "build/release")
CASES = pathlib.Path(__file__).resolve().parent / "cases"
TIMEOUT_S = 300


def exit_codes():
    """Exit code by error number, from the catalogue."""
    rows = (SOURCE / "include/headrace/base/errors.def").read_text()
    return {int(number): int(code) for number, code in re.findall(r"^HEADRACE_ERROR\(\w+,\s*(\d+),\s*(\d+)", rows, re.MULTILINE)}


def run(case, folder):
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    environment = {"PATH": f"{BUILD / 'bin'}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
                   "TERM": "dumb", "HEADRACE_STORE": str(folder / ".store"), "EXAMPLES": str(SOURCE / "examples"),
                   "PYTHON": sys.executable, "TMPDIR": tempfile.gettempdir()}
    script = "set -o pipefail\n" + "\n".join(case.commands)
    return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S,
                          stdin=subprocess.DEVNULL)


def rewrite(case, stdout):
    """Puts `stdout` where the case has its expected lines; lines that still match keep their patterns."""
    lines = stdout.rstrip("\n").split("\n")
    old = [*case.stdout, *[""] * len(lines)]
    kept = [was if re.fullmatch(case_file.pattern(was), line) else line for was, line in zip(old, lines)]
    blocks = case.path.read_text().split("\n====\n")
    for index, block in enumerate(blocks):
        if f"# name: {case.name}\n" in block:
            head, _, rest = block.partition("\n----\n")
            at = rest.find("\n---- stderr")
            tail = rest[at:] if at >= 0 else "\n" if block.endswith("\n") else ""
            blocks[index] = head + "\n----\n" + "\n".join(kept) + tail
    case.path.write_text("\n====\n".join(blocks))


class CasesTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not (BUILD / "bin/headrace").exists():
            raise FileNotFoundError(f"{BUILD / 'bin/headrace'} is not built")

    def check(self, case):
        with tempfile.TemporaryDirectory() as folder:
            done = run(case, pathlib.Path(folder))
        told = "".join(f"\n$ {command}" for command in case.commands)
        told += f"\nexit code {done.returncode}\nstdout:\n{done.stdout}\nstderr:\n{done.stderr}"
        wanted_exit = exit_codes()[case.error] if case.error else case.exit
        self.assertEqual(done.returncode, wanted_exit, told)
        if case.error:
            self.assertRegex(done.stderr, rf"error {case.error} \(", told)
            self.assertEqual(done.stdout, "", told)
        for part in case.stderr:
            self.assertRegex(done.stderr, case_file.pattern(part), told)
        if case.error:
            return
        found = case_file.differences(case.stdout, done.stdout.rstrip("\n").split("\n") if done.stdout else [])
        if found and os.environ.get("HEADRACE_UPDATE") == "1":
            rewrite(case, done.stdout)
            found = []
        self.assertEqual(found, [], "\n".join(found[:10]) + told)


def add_cases():
    names = set()
    for path in sorted(CASES.glob("*.case")):
        for case in case_file.read_cases(path):
            name = f"test_{path.stem}_{case.name}"
            if name in names:
                raise ValueError(f"{path.name}: two cases are called {case.name}")
            names.add(name)
            setattr(CasesTest, name, lambda self, case=case: self.check(case))


add_cases()


class CaseFileTest(unittest.TestCase):
    """The reader of cases itself: a case that cannot fail tests nothing."""

    def read(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.case"
            path.write_text(text)
            return case_file.read_cases(path)

    def test_reads_every_part(self):
        first, second = self.read("# name: a\n# exit: 1\n>>> f\nx\n<<<\nls\n----\nout\n---- stderr\npart\n====\n"
                                  "# name: b\n>>>b g\n\\xff\\n\n<<<\ncat g\n----\nERROR 2001\nmore\n")
        self.assertEqual((first.name, first.exit, first.files, first.commands), ("a", 1, {"f": b"x\n"}, ["ls"]))
        self.assertEqual((first.stdout, first.stderr), (["out"], ["part"]))
        self.assertEqual((second.error, second.files, second.stderr), (2001, {"g": b"\xff\n"}, ["more"]))

    def test_refuses_a_case_without_an_expectation(self):
        for text in ("# name: a\nls\n", "# name: a\n----\nx\n", "ls\n----\nx\n", "# nme: a\nls\n----\n"):
            with self.assertRaises(ValueError):
                self.read(text)

    def test_finds_differences(self):
        self.assertEqual(case_file.differences(["a {{\\d+}} b"], ["a 12 b"]), [])
        self.assertEqual(len(case_file.differences(["a {{\\d+}} b"], ["a x b"])), 1)
        self.assertEqual(len(case_file.differences(["a"], ["a", "b"])), 1)
        self.assertEqual(len(case_file.differences(["a", "b"], ["a"])), 1)
        self.assertEqual(len(case_file.differences(["a.c"], ["abc"])), 1)


if __name__ == "__main__":
    unittest.main()
