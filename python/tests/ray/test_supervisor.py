# SPDX-License-Identifier: Apache-2.0
"""The supervisor by itself, with real processes: it needs no Ray. In tests/ray it runs as an actor of real clusters."""

import os
import signal
import subprocess
import sys
import time

import pytest

from headrace.ray.supervisor import Supervisor, host_identity

# Stands where a worker stands: prints what it was started with and lives until it is told.
WORKER = """
import os, subprocess, sys, time
print("started", os.getpid(), os.environ["HEADRACE_TOKEN"], os.getcwd(), *sys.argv[1:], flush=True)
{body}
"""
WAITS = "time.sleep(600)"


def spec(body=WAITS, **more):
    return {
        "slot": "w-1", "command": [sys.executable, "-c", WORKER.format(body=body)], "flags": ["--cpu", "1"], "data_flag": True,
        "environment": {}, "placement_group": "", "restarts_max": 20, "token": "secret", "unix": "unix:@here", "tls": "tls:there:1#aa",
        "driver_host": host_identity(), "folder": "", **more,
    }  # fmt: skip


class Watched:
    """A supervisor and all that it has told."""

    def __init__(self, **more):
        self.supervisor = Supervisor(spec(**more), "127.0.0.9")
        self.told = []
        self.last = 0

    def until(self, kind, count=1):
        """The events of a kind, once there are so many."""
        end = time.monotonic() + 30
        while sum(event["kind"] == kind for event in self.told) < count:
            assert time.monotonic() < end, (kind, self.told)
            answer = self.supervisor.events(self.last, 1.0)
            self.told += answer["events"]
            self.last = answer["last"]
        return [event for event in self.told if event["kind"] == kind]


@pytest.fixture
def watch():
    made = []

    def make(**more):
        made.append(Watched(**more))
        return made[-1]

    yield make
    for one in made:
        one.supervisor.stop(0.2)


def gone(pid):
    end = time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}"):
        state = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]
        if state == "Z":
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_worker_is_told_where_the_driver_is(watch):
    one = watch()
    said = one.until("output")[0]["text"].split()
    assert said[2] == "secret"
    assert said[4:] == ["--connect", "unix:@here", "--slot", "w-1", "--parent", str(os.getpid()), "--cpu", "1"]


def test_worker_on_another_host_goes_over_tls_and_serves_at_its_address(watch):
    one = watch(driver_host=["another", "net", 0])
    said = one.until("output")[0]["text"].split()
    assert said[5] == "tls:there:1#aa"
    assert said[said.index("--data-host") + 1] == "127.0.0.9"


def test_tokens_of_the_cluster_are_kept_from_the_worker(watch, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of the cluster")
    one = watch(body='print("token", os.environ.get("RAY_AUTH_TOKEN"), flush=True); time.sleep(600)')
    assert one.until("output", 2)[1]["text"] == "token None"


def test_worker_starts_in_the_drivers_folder(watch, tmp_path):
    assert watch(folder=str(tmp_path)).until("output")[0]["text"].split()[3] == str(tmp_path)
    assert watch(folder=str(tmp_path / "absent")).until("output")[0]["text"].split()[3] == "/"


def test_killed_worker_is_started_again(watch):
    one = watch()
    pid = one.until("placed")[0]["pid"]
    os.kill(pid, signal.SIGKILL)
    assert one.until("placed", 2)[1]["pid"] != pid
    assert one.until("lost")[0]["cause"] == "signal 9"


def test_what_a_worker_started_ends_with_it(watch):
    one = watch(body='child = subprocess.Popen(["sleep", "600"]); print("child", child.pid, flush=True); time.sleep(600)')
    child = int(one.until("output", 2)[1]["text"].split()[1])
    os.kill(one.until("placed")[0]["pid"], signal.SIGKILL)
    one.until("lost")
    assert gone(child)


def test_renew_kills_only_the_worker_that_was_meant(watch):
    one = watch()
    pid = one.until("placed")[0]["pid"]
    os.kill(pid, signal.SIGSTOP)
    assert not one.supervisor.renew(pid + 1)
    assert one.supervisor.renew(pid)
    one.until("placed", 2)
    assert gone(pid)


def test_worker_that_cannot_live_is_given_up(watch):
    one = watch(body="sys.exit(7)", restarts_max=2)
    assert "exit code 7" in one.until("failed")[0]["cause"]
    assert len(one.until("placed")) == 3


def test_program_that_is_not_there_is_named(watch):
    one = watch(command=["/absent/program"], restarts_max=0)
    assert "/absent/program" in one.until("failed")[0]["cause"]


def test_stop_ends_the_worker(watch):
    one = watch()
    pid = one.until("placed")[0]["pid"]
    one.supervisor.stop(5.0)
    assert gone(pid)


def test_worker_ends_with_its_supervisor():
    program = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from headrace.ray.supervisor import Supervisor
one = Supervisor({spec()!r}, "127.0.0.9")
print(one.events(0, 20)["events"][0]["pid"], flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        process.kill()
    assert gone(pid)
