# SPDX-License-Identifier: Apache-2.0
"""./headrace in a small checkout whose package tools, Python, CMake and ninja are scripts that write down what they were asked."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])

# Each is asked through $CALLS; FAIL names the one that fails.
FAKES = {
    "dpkg-query": 'for name in "${@:4}"; do [[ " $ABSENT " == *" $name "* ]] || echo "installed:$name"; done',
    "dpkg": "true",
    "apt-get": 'echo "apt-get $*" >>"$CALLS"; echo "Get:1 http://a.mirror/debian"; [[ $FAIL != apt-get ]]',
    "cmake": 'echo "cmake $*" >>"$CALLS"; echo "-- Configuring done"; '
             'for ((i = 1; i <= $#; i++)); do [[ ${!i} == -B ]] && j=$((i + 1)); done; '
             'mkdir -p "${!j}"; echo "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" >"${!j}/CMakeCache.txt"; touch "${!j}/build.ninja"',
    "python3.11": 'if [[ $1 == -m ]]; then echo "python $*" >>"$CALLS"; mkdir -p "${!#}/bin" "${!#}/lib/python3.11/site-packages"; '
                  'cp "$PIP" "${!#}/bin/python3"; fi',
    "pip": 'if [[ $1 == -m ]]; then echo "pip ${*:5}" >>"$CALLS"; echo "Looking in indexes: https://an.index/simple"; '
           '[[ $FAIL != pip ]]; fi',
    "ninja": '''echo "ninja ${*:5}" >>"$CALLS"
exec {lock}>"$CALLS.lock"; flock -n "$lock" || { echo overlap >>"$CALLS"; }
echo "@1/2@ compile"; sleep "${SLOW:-0}"
[[ $FAIL == ninja ]] && { echo "plan.cc:7: error: expected ;"; exit 1; }
mkdir -p "$2/bin"
printf '#!/bin/bash\\nprintf "<%%s>" "$@"\\nexit ${CODE:-0}\\n' >"$2/bin/headrace"; chmod +x "$2/bin/headrace"''',
}


class LauncherTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        top = pathlib.Path(folder.name).resolve()
        top.chmod(0o755)
        self.root = top / "a checkout"
        for name in ("headrace", "tools/setup/setup.sh", "tools/setup/apt.txt", "tools/setup/requirements.txt"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / name, self.root / name)
        for name in ("CMakeLists.txt", "CMakePresets.json", "cmake/Room.cmake", "src/graph/plan.cc", "src/graph/plan_test.cc",
                     "src/graph/README.md", "include/headrace/graph/plan.h"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).touch()
        self.tools = top / "tools"
        self.tools.mkdir()
        for name, body in FAKES.items():
            (self.tools / name).write_text(f"#!/bin/bash\n{body}\n")
            (self.tools / name).chmod(0o755)
        self.calls = top / "calls"
        self.calls.touch()
        self.calls.chmod(0o666)
        self.environment = {"PATH": f"{self.tools}:/usr/bin:/bin", "HOME": str(top), "LANG": "C.UTF-8",
                            "CALLS": str(self.calls), "PIP": str(self.tools / "pip")}

    def command(self, *arguments, plain_user=False, program=None):
        command = [str(program or self.root / "headrace"), *arguments]
        if plain_user and os.geteuid() == 0:
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        return command

    def launch(self, *arguments, cwd=None, plain_user=False, program=None, **variables):
        """Runs the launcher; gives exit code, stdout, stderr and the calls it made."""
        before = len(self.calls.read_text())
        done = subprocess.run(self.command(*arguments, plain_user=plain_user, program=program), cwd=cwd or self.root, text=True,
                              capture_output=True, timeout=60, stdin=subprocess.DEVNULL, env={**self.environment, **variables})
        return done.returncode, done.stdout, done.stderr, self.calls.read_text()[before:].splitlines()

    def age(self):
        """Makes everything so far a minute old, so that an edit is newer than the stamp whatever the clock's grain."""
        past = time.time() - 60
        for path in [self.root, *self.root.rglob("*")]:
            if not path.is_symlink():
                os.utime(path, (past, past))

    def test_first_use_installs_builds_and_becomes_the_program(self):
        code, out, err, calls = self.launch("run", "a b", "", ABSENT="cmake mold", CODE="5")
        self.assertEqual((code, out), (5, "<run><a b><>"), err)
        self.assertEqual([line.split()[0] for line in calls], ["apt-get", "apt-get", "python", "pip", "pip", "cmake", "ninja"])
        self.assertTrue(calls[1].endswith(" cmake mold"), calls)
        self.assertEqual(calls[-1].split()[-1], "program")

    def test_torch_is_installed_first_and_alone(self):
        pips = [line for line in self.launch()[3] if line.startswith("pip")]
        self.assertRegex(pips[0], r"^pip .*torch==\S+$")
        self.assertIn("-r ", pips[1])
        self.assertEqual(len(pips), 2)

    def test_second_use_calls_no_tool(self):
        self.launch()
        self.assertEqual(self.launch("x"), (0, "<x>", "", []))

    def test_an_edit_is_built_and_a_test_or_a_page_is_not(self):
        self.launch()
        for name, built in (("src/graph/plan_test.cc", False), ("src/graph/README.md", False), ("src/graph/plan.cc", True),
                            ("include/headrace/graph/plan.h", True), ("CMakeLists.txt", True), ("cmake/Room.cmake", True)):
            self.age()
            (self.root / name).write_text("changed")
            calls = self.launch()[3]
            self.assertEqual([line.split()[0] for line in calls], ["ninja"] if built else [], name)

    def test_a_source_that_is_gone_is_noticed(self):
        self.launch()
        self.age()
        (self.root / "src/graph/plan.cc").unlink()
        self.assertEqual([line.split()[0] for line in self.launch()[3]], ["ninja"])

    def test_a_changed_list_of_wheels_is_installed(self):
        self.launch()
        self.age()
        with open(self.root / "tools/setup/requirements.txt", "a") as wheels:
            wheels.write("another==1.0\n")
        calls = [line.split()[0] for line in self.launch()[3]]
        self.assertEqual(calls, ["pip", "pip", "cmake", "ninja"])

    def test_works_from_any_folder_and_through_a_link(self):
        link = self.root.parent / "link"
        link.symlink_to(self.root / "headrace")
        self.assertEqual(self.launch("x", cwd="/", program=link)[:2], (0, "<x>"))
        self.assertEqual(self.launch("y", cwd=self.root.parent, program="a checkout/headrace")[:2], (0, "<y>"))
        self.assertEqual(self.launch("z", cwd=self.root / "src", program="../headrace"), (0, "<z>", "", []))

    def test_what_it_makes_goes_where_it_is_told(self):
        made = self.root.parent / "made here"
        code, out, err, calls = self.launch("x", HEADRACE_BUILD_DIR=str(made / "b"), HEADRACE_VENV=str(made / "v"))
        self.assertEqual((code, out), (0, "<x>"), err)
        self.assertTrue((made / "b/bin/headrace").exists() and (made / "v/bin/python3").exists())
        self.assertFalse((self.root / "build").exists() or (self.root / ".venv").exists())

    def test_a_plain_user_is_told_the_one_command_that_needs_root(self):
        self.root.chmod(0o777)
        code, out, err, calls = self.launch(ABSENT="ninja-build mold", plain_user=True)
        self.assertEqual((code, out, calls), (3, "", []), err)
        commands = [line for line in err.splitlines() if "apt-get" in line]
        self.assertEqual(len(commands), 1, err)
        self.assertRegex(commands[0], r"^  sudo sh -c 'apt-get update && apt-get install .* ninja-build mold'$")

    def test_a_checkout_that_cannot_be_written_says_what_to_set(self):
        self.root.chmod(0o555)
        code, out, err, calls = self.launch(plain_user=True)
        self.assertEqual((code, calls), (3, []), err)
        self.assertIn("HEADRACE_BUILD_DIR", err)

    def test_a_built_checkout_runs_where_nothing_can_be_written(self):
        self.launch()
        for path in [self.root, *self.root.rglob("*")]:
            path.chmod(path.stat().st_mode & 0o555)
        self.addCleanup(lambda: [path.chmod(0o755) for path in [self.root, *self.root.rglob("*")] if path.is_dir()])
        self.assertEqual(self.launch("x", plain_user=True), (0, "<x>", "", []))

    def test_failures_say_what_to_do_and_name_no_host(self):
        for tool, advice in (("apt-get", "without a network"), ("pip", "PIP_FIND_LINKS")):
            code, out, err, calls = self.launch(FAIL=tool, ABSENT="mold" if tool == "apt-get" else "")
            self.assertEqual((code, out), (3, ""), err)
            self.assertIn(advice, err)
            self.assertNotIn("://", err)
            self.assertIn("://", (self.root / "build/release/setup.log").read_text())

    def test_a_failed_build_shows_the_compilers_words_and_is_tried_again(self):
        code, out, err, calls = self.launch(FAIL="ninja")
        self.assertEqual((code, out), (3, ""))
        self.assertIn("plan.cc:7: error: expected ;", err)
        self.assertEqual([line.split()[0] for line in self.launch()[3]], ["ninja"])

    def test_two_at_once_build_once(self):
        started = [subprocess.Popen(self.command(str(number)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                    env={**self.environment, "SLOW": "1"}) for number in range(3)]
        for number, process in enumerate(started):
            out, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, out), (0, f"<{number}>"), err)
        calls = [line.split()[0] for line in self.calls.read_text().splitlines()]
        self.assertEqual(calls.count("ninja"), 1, calls)
        self.assertNotIn("overlap", calls)

    def test_an_interrupt_stops_the_build_at_once_and_the_next_start_goes_on(self):
        process = subprocess.Popen(self.command("x"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**self.environment, "SLOW": "30"})
        deadline = time.monotonic() + 30
        while "ninja" not in self.calls.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - asked, 10)
        self.assertEqual((process.returncode, out), (4, ""), err)
        # Whoever held the lock of the build is gone.
        self.assertEqual(self.launch("x")[:2], (0, "<x>"))
        self.assertNotIn("overlap", self.calls.read_text())


if __name__ == "__main__":
    unittest.main()
