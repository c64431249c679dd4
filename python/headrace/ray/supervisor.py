# SPDX-License-Identifier: Apache-2.0
"""Supervisor: the Ray actor of a slot. It starts a worker, passes on what it prints, starts it again when it dies, and ends it.

This file travels to the nodes by value: it uses the standard library and nothing else of this package.

A worker ends with its supervisor (the kernel kills it: `--parent`) and with its driver (its connection closes). A supervisor ends when
the gateway says so, or when its worker is gone and no gateway has asked for a while: then the driver and its gateway are dead.
"""

import ctypes
import importlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from typing import Any, Deque, Dict, List, Optional, Tuple

_SETTLED_SECONDS = 10.0
_PAUSE_MAX = 5.0
_EVENTS_MAX = 1000
_LINE_MAX = 4096
_UNASKED_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1
_TOLD_TO_END = "exit code 0"


def host_identity() -> Tuple[str, str, int]:
    """Equal where Unix sockets and descriptors can be shared: kernel, network namespace, user."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        kernel = file.read().strip()
    return kernel, os.readlink("/proc/self/ns/net"), os.geteuid()


class Supervisor:
    """Threads: one keeps the worker; Ray calls methods on others. `spec`: see Slot.spec in slots.py."""

    def __init__(self, spec: Dict[str, Any], own_address: str = "") -> None:
        self._spec = spec
        self._address = own_address or _node_address()
        self._changed = threading.Condition()
        # Guarded by _changed: from here ...
        self._events: Deque[Tuple[int, Dict[str, Any]]] = deque(maxlen=_EVENTS_MAX)
        self._next = 1
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._stopping = False
        self._given_up = False
        self._asked = time.monotonic()
        # ... to here.
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def events(self, after: int, seconds: float) -> Dict[str, Any]:
        """Events with numbers above `after`, oldest first; waits up to `seconds` for one."""
        until = time.monotonic() + seconds
        with self._changed:
            while self._next - 1 <= after and time.monotonic() < until:
                self._asked = time.monotonic()
                self._changed.wait(max(0.0, until - time.monotonic()))
            self._asked = time.monotonic()
            return {"events": [event for number, event in self._events if number > after], "last": self._next - 1}

    def renew(self, pid: int) -> bool:
        """The driver gave the worker `pid` up: kills it, if it is still the one. It is started again."""
        with self._changed:
            process = self._process
        if process is None or process.pid != pid:
            return False
        _kill_group(process.pid)
        return True

    def stop(self, grace: float) -> None:
        """Ends the worker: asks, then kills its group."""
        with self._changed:
            self._stopping = True
            process = self._process
            self._changed.notify_all()
        if process is not None and process.poll() is None:
            _signal(process.pid, signal.SIGTERM)
        self._keeper.join(grace)
        if process is not None:
            _kill_group(process.pid)
        self._keeper.join(1.0)

    # The keeper.

    def _keep(self) -> None:
        deaths = 0
        while True:
            began = time.monotonic()
            cause = self._run_once()
            deaths = 0 if time.monotonic() - began > _SETTLED_SECONDS else deaths + 1
            pause = min(_PAUSE_MAX, 0.05 * 2 ** min(deaths, 7))
            if cause == _TOLD_TO_END:
                pause = max(pause, 1.0)   # the driver ends, and the gateway is about to say so
            with self._changed:
                self._process = None
                if self._stopping:
                    return
                self._given_up = deaths > int(self._spec["restarts_max"])
                if self._given_up:
                    self._tell({"kind": "failed", "cause": f"the worker dies as soon as it is started ({cause})"})
                else:
                    self._tell({"kind": "lost", "cause": cause, "again_in_s": pause})
            if self._wait(pause) or self._given_up:
                return

    def _wait(self, pause: float) -> bool:
        """Sleeps; true when it is time to end. Without a worker and without anybody who asks, that is so after a while."""
        until = time.monotonic() + pause
        while True:
            with self._changed:
                if self._stopping:
                    return True
                abandoned = time.monotonic() - self._asked > _UNASKED_SECONDS
                if not abandoned and time.monotonic() >= until and not self._given_up:
                    return False
                if not abandoned:
                    self._changed.wait(min(1.0, max(0.01, until - time.monotonic())) if not self._given_up else 1.0)
            if abandoned:
                _leave(self._spec)

    def _run_once(self) -> str:
        """Starts a worker and waits for its end. Returns how it ended."""
        try:
            process = self._start()
        except OSError as problem:
            return f"{self._program()}: {problem.strerror}"
        with self._changed:
            self._process = process
            stopping = self._stopping
            self._tell({"kind": "placed", "pid": process.pid, "supervisor": os.getpid(), "ip": self._address})
        if stopping:
            _kill_group(process.pid)
        relay = threading.Thread(target=self._relay, args=(process,), daemon=True)
        relay.start()
        # Its number stays taken until its group has been killed: what it started itself goes with it.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        _kill_group(process.pid)
        code = process.wait()
        relay.join(1.0)
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def _program(self) -> str:
        return str(self._spec["command"][0])

    def _start(self) -> "subprocess.Popen[bytes]":
        spec = self._spec
        here = list(host_identity()) == list(spec["driver_host"])
        address = spec["unix"] if here and spec["unix"] else spec["tls"]
        command: List[str] = [*spec["command"], "--connect", address, "--slot", spec["slot"], "--parent", str(os.getpid())]
        if address == spec["tls"] and spec["data_flag"]:
            command += ["--data-host", self._address]
        command += spec["flags"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
        environment.update(spec["environment"])
        environment["HEADRACE_TOKEN"] = spec["token"]
        parent = os.getpid()
        libc = ctypes.CDLL(None)

        def tie() -> None:
            # The kernel ends it with this thread, the keeper; the worker sets the same again and looks who its parent is.
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.setpgid(0, 0)
            if os.getppid() != parent:
                os._exit(1)

        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=tie,
            cwd=_folder(spec),
        )

    def _relay(self, process: "subprocess.Popen[bytes]") -> None:
        """Passes lines on until the worker has closed its output."""
        assert process.stdout is not None
        with process.stdout as output:
            while True:
                line = output.readline(_LINE_MAX)
                if not line:
                    return
                text = line.decode("utf-8", "replace").rstrip("\n")
                if text:
                    with self._changed:
                        self._tell({"kind": "output", "text": text})

    def _tell(self, event: Dict[str, Any]) -> None:
        self._events.append((self._next, event))
        self._next += 1
        self._changed.notify_all()


def _folder(spec: Dict[str, Any]) -> Optional[str]:
    """Relative paths of a pipeline start in the driver's folder. A job's folder lies somewhere else on each node: Ray has put this
    process there."""
    if not spec["folder"]:
        return None
    return str(spec["folder"]) if os.path.isdir(spec["folder"]) else "/"


def _node_address() -> str:
    ray: Any = importlib.import_module("ray")
    return str(ray.util.get_node_ip_address())


def _leave(spec: Dict[str, Any]) -> None:
    """Ends this actor for good, and the placement group that nobody else will remove."""
    try:
        ray: Any = importlib.import_module("ray")
        if spec["placement_group"]:
            ray.util.remove_placement_group(ray.util.get_placement_group(spec["placement_group"]))
        ray.kill(ray.get_runtime_context().current_actor, no_restart=True)
        time.sleep(2)
    finally:
        os._exit(0)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
