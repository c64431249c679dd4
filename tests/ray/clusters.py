# SPDX-License-Identifier: Apache-2.0
"""A real Ray cluster for a file of tests: in a network namespace of its own, with state, store and Python of its own."""

import atexit
import ctypes
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = pathlib.Path(os.environ.get("HEADRACE_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("HEADRACE_BUILD_DIR") or SOURCE / "build/release")
HEADRACE = BUILD / "bin/headrace"
DIGITS = SOURCE / "examples/digits/pipeline.yaml"
PYTHON = os.environ.get("HEADRACE_PYTHON") or sys.executable


def many_fits(count):
    """The digits example with 25 x `count` fits: long enough for something to happen in the middle."""
    return ["--set", "logistic.C={grid: [" + ", ".join(f"{0.001 * 10 ** (6 * i / count):.6g}" for i in range(count)) + "]}"]


LONG, LONGER = many_fits(30), many_fits(120)


def require_ray():
    """Errors: SkipTest naming what is missing."""
    found = subprocess.run([PYTHON, "-c", "import ray; print(ray.__version__)"], capture_output=True, text=True, timeout=120)
    if found.returncode != 0:
        raise unittest.SkipTest(f"Ray is not installed for {PYTHON}: pip install -r tools/setup/requirements-ray.txt")


def own_network():
    """Moves this process into a network namespace with a loopback only: Ray's daemons listen on all interfaces."""
    new_user, new_network = 0x10000000, 0x40000000
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_network) != 0:
        if libc.unshare(new_user | new_network) != 0:
            print("no network namespace can be made here: the cluster's token alone keeps strangers out", file=sys.stderr)
            return
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        up = 0x1 | 0x40   # IFF_UP, IFF_RUNNING
        fcntl.ioctl(one, 0x8914, struct.pack("16sh", b"lo", up) + bytes(14))   # SIOCSIFFLAGS


class Site:
    """A folder with the state of clusters and a store; `run` runs the program there."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="headrace-test-"))
        # Interrupted tests run no cleanups, and nothing runs after an unhandled SIGTERM.
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "HEADRACE_"))}
        return {**kept, "HEADRACE_STATE": str(self.folder / "state"), "HEADRACE_STORE": str(self.folder / "store"),
                "HEADRACE_PYTHON": PYTHON, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", **more}

    def run(self, *words, code=0, timeout=180, **more):
        done = subprocess.run([HEADRACE, *map(str, words)], cwd=self.folder, env=self.environment(**more), capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL)
        if done.returncode != code:
            raise AssertionError(f"{words} gave {done.returncode}, not {code}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def start(self, *words, **more):
        return Driver([str(HEADRACE), *map(str, words)], self.folder, self.environment(**more))

    def state(self):
        path = self.folder / "state/ray/cluster.json"
        return json.loads(path.read_text()) if path.exists() else None

    def mark(self):
        return self.state()["mark"]

    def close(self):
        if not self.folder.exists():
            return
        self.run("cluster", "down")
        shutil.rmtree(self.folder, ignore_errors=True)


class Driver:
    """A run in the background; what it says is read as it comes."""

    def __init__(self, command, folder, environment):
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.said, self.out, self._news = [], "", threading.Condition()
        self._readers = [threading.Thread(target=self._read_talk, daemon=True), threading.Thread(target=self._read_out, daemon=True)]
        for reader in self._readers:
            reader.start()

    def _read_talk(self):
        for line in self.process.stderr:
            with self._news:
                self.said.append(line.rstrip())
                self._news.notify_all()

    def _read_out(self):
        self.out = self.process.stdout.read()

    def wait_for(self, pattern, count=1, timeout=120):
        """The matches, once so many lines have come that match."""
        until = time.monotonic() + timeout
        with self._news:
            while True:
                found = [match for match in (re.search(pattern, line) for line in self.said) if match]
                if len(found) >= count:
                    return found
                if not self._news.wait(max(0, until - time.monotonic())) and time.monotonic() > until:
                    raise AssertionError(f"'{pattern}' was not said {count} times in {timeout} s:\n" + "\n".join(self.said[-40:]))

    def finish(self, code=0, timeout=180):
        if self.process.wait(timeout) != code:
            raise AssertionError(f"it gave {self.process.returncode}, not {code}:\n" + "\n".join(self.said[-40:]))
        for reader in self._readers:
            reader.join(10)
        return self.out

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def results_of(text):
    """What must be equal wherever a pipeline ran: every path with every score."""
    rows = json.loads(text)["results"]
    for row in rows:
        del row["seconds"]
    return json.dumps(rows, sort_keys=True)


def environment_of(pid):
    try:
        raw = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    return dict(entry.split("=", 1) for entry in raw.decode("utf-8", "replace").split("\0") if "=" in entry)


def command_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def parent_of(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def marked(mark):
    """Living processes of a cluster."""
    return [pid for pid in pids() if environment_of(pid).get("HEADRACE_RAY_CLUSTER") == mark]


def workers(mark):
    """Workers of a cluster by slot."""
    found = {}
    for pid in marked(mark):
        words = command_of(pid)
        if "worker" in words and "--slot" in words:
            found[words[words.index("--slot") + 1]] = pid
    return found


def gateway_of(driver):
    found = [pid for pid in pids() if parent_of(pid) == driver.process.pid and "gateway" in command_of(pid)]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} gateways")
    return found[0]


def wait_until(true, what, timeout=60):
    until = time.monotonic() + timeout
    while not true():
        if time.monotonic() > until:
            raise AssertionError(f"after {timeout} s still not: {what}")
        time.sleep(0.1)


def kill(pid, number=signal.SIGKILL):
    os.kill(pid, number)
