# SPDX-License-Identifier: Apache-2.0
"""What a person at a terminal sees and presses: progress bars, plain lines, Ctrl-C, pipes that close."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from program import HEADRACE, ProgramTest, blobs

SLOW = """
pipeline: slow
seed: 7
nodes:
  rows: { op: csv, path: rows.csv, target: label }
  forest: { op: random_forest, from: rows, n_estimators: { grid: [300, 301, 302, 303, 304, 305, 306, 307, 308, 309, 310, 311, 312] } }
evaluate: { folds: 5, metric: accuracy }
"""
QUICK = SLOW.replace("random_forest", "gaussian_nb").split(", n_estimators")[0] + " }\nevaluate: { folds: 3, metric: accuracy }\n"


class TerminalTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("slow.yaml", SLOW)
        self.write("quick.yaml", QUICK)
        self.write("rows.csv", blobs(1500, columns=12))

    def start(self, *words, columns=100, rows=30, **more):
        """The program on a terminal of its own; gives the process and the other end of the terminal."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen([HEADRACE, *words], cwd=self.folder, env=self.environment(**more), stdin=slave,
                                   stdout=subprocess.PIPE, stderr=slave, start_new_session=True)
        os.close(slave)
        self.addCleanup(process.stdout.close)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process, master

    def read_until(self, master, wanted, limit_s=120):
        """What came until `wanted` (a regular expression) did; the end of the terminal ends it too."""
        text, end = "", time.monotonic() + limit_s
        while not re.search(wanted, text):
            self.assertLess(time.monotonic(), end, f"waited for {wanted}, got {text!r}")
            if not select.select([master], [], [], 0.2)[0]:
                continue
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece.decode(errors="replace")
        return text

    def test_ctrl_c_stops_the_run_and_the_same_command_finishes_it(self):
        process, master = self.start("run", "slow.yaml")
        self.read_until(master, r"forest .*[1-9]\d*/")
        process.send_signal(signal.SIGINT)
        text = self.read_until(master, r"to finish it: ")
        process.stdout.read()
        self.assertEqual(process.wait(60), 4)
        self.assertIn("stopping after the tasks that run now", text)
        self.assertIn("run slow.yaml", text)
        self.write("slow.yaml", SLOW)      # the same bytes, another time: nothing changes
        done = self.run_json("run", "slow.yaml")
        self.assertEqual(done["status"], "done")
        self.assertTrue(done["resumed"])
        self.assertGreater(done["tasks"]["remembered"], 0)
        self.assertGreater(done["tasks"]["executed"], 0)

    def test_a_second_ctrl_c_ends_it_at_once(self):
        process, master = self.start("run", "slow.yaml")
        self.read_until(master, r"forest ")
        process.send_signal(signal.SIGINT)
        self.read_until(master, "stopping")
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        self.assertEqual(process.wait(30), 4)

    def test_time_up_stops_the_run(self):
        done = self.run_program("run", "slow.yaml", "--timeout", "0.5", code=4)
        self.assertIn("time is up", done.stderr)
        self.assertIn("to finish it:", done.stderr)

    def test_bars_fit_the_terminal_and_follow_its_size(self):
        process, master = self.start("run", "slow.yaml", columns=100)
        wide = self.read_until(master, r"all .*\d/.*\n")
        self.assertRegex(wide, "[━─]{30}")
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 44, 0, 0))
        self.read_until(master, r"\x1b\[J")
        time.sleep(0.4)
        narrow = self.read_until(master, r"all .*\n")
        frames = narrow.split("\x1b[J")
        for line in frames[-1].split("\r\n"):
            self.assertLess(len(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line)), 44, repr(line))
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        self.assertEqual(process.wait(60), 4)

    def test_no_color_is_honoured(self):
        process, master = self.start("run", "slow.yaml", NO_COLOR="1")
        text = self.read_until(master, r"all .*\d/")
        self.assertNotRegex(text, r"\x1b\[[0-9;]*m")
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        process.wait(60)

    def test_piped_talk_has_no_escape_codes_and_says_how_far_it_is(self):
        done = self.run_program("run", "slow.yaml", "--timeout", "4", code=4)
        self.assertNotIn("\x1b", done.stderr)
        self.assertRegex(done.stderr, r"\d+ of \d+ tasks, [\d.]+ s")

    def test_quiet_says_nothing(self):
        done = self.run_program("run", "quick.yaml", "--quiet")
        self.assertEqual(done.stderr, "")
        self.assertIn("accuracy", done.stdout)

    def test_a_reader_that_goes_away_is_no_error(self):
        script = f"set -o pipefail; '{HEADRACE}' reference operators | head -1"
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "# Operators\n", ""))

    def test_a_full_disk_is_one(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([HEADRACE, "ops"], env=self.environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 3)
        self.assertIn("error 3005 (Io)", done.stderr)

    def test_looking_loads_no_engine(self):
        for words in (["--help"], ["help", "run"], ["ops"], ["validate", "slow.yaml"], ["graph", "slow.yaml"]):
            with self.subTest(words):
                done = self.run_program(*words, LD_DEBUG="files")
                self.assertNotIn("libtorch", done.stderr)
                self.assertNotIn("packs/", done.stderr)


if __name__ == "__main__":
    unittest.main()
