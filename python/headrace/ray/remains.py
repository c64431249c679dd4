# SPDX-License-Identifier: Apache-2.0
"""What a cluster has on this machine: processes, shared memory, its folder; found, and ended.

Ray's daemons outlive SIGTERM, its workers have process groups of their own, and `ray stop` ends other people's clusters too. So each
process of a cluster carries a mark in its environment, which its children inherit, and `end` kills whoever carries it.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from pathlib import Path
from typing import Dict, List, Set

from headrace.errors import error

MARK = "HEADRACE_RAY_CLUSTER"
NODE_MARK = "HEADRACE_RAY_NODE"
_PROC = Path("/proc")


def environment_of(pid: int) -> Dict[str, str]:
    """What a process was started with; empty when it is gone or another user's."""
    try:
        raw = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    entries = (entry.partition(b"=") for entry in raw.split(b"\0"))
    return {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, _, value in entries}


def marked(mark: str, node: str = "") -> List[int]:
    """Processes of a cluster, or of one of its nodes; zombies and this process left out."""
    found = []
    for entry in os.listdir(_PROC):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        environment = environment_of(int(entry))
        if environment.get(MARK) == mark and (not node or environment.get(NODE_MARK) == node):
            found.append(int(entry))
    return sorted(found)


def shared_files(pids: List[int]) -> Set[str]:
    """Files of shared memory that these processes have open."""
    found = set()
    for pid in pids:
        try:
            descriptors = os.listdir(_PROC / str(pid) / "fd")
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                path = os.readlink(_PROC / str(pid) / "fd" / descriptor)
            except OSError:
                continue
            if path.startswith("/dev/shm/") and not path.endswith(" (deleted)"):
                found.add(path)
    return found


def kill(pids: List[int], mark: str, seconds: float = 10) -> None:
    """Kills those that carry the mark and waits until they are gone. A number that another process has got since is left alone."""
    handles = []
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            continue
        # The handle is the process for good; what it names is looked at only now.
        if environment_of(pid).get(MARK) != mark:
            os.close(handle)
            continue
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except OSError:
            pass
        handles.append(handle)
    until = time.monotonic() + seconds
    for handle in handles:
        select.select([handle], [], [], max(0.0, until - time.monotonic()))
        os.close(handle)


def end(mark: str, node: str = "", seconds: float = 20) -> int:
    """Ends all processes with the mark, also those that are being started meanwhile. Returns how many there were.
    Errors: Environment when some cannot be ended."""
    seen: Set[int] = set()
    files: Set[str] = set()
    until = time.monotonic() + seconds
    while True:
        pids = marked(mark, node)
        if not pids:
            break
        if time.monotonic() > until:
            raise error("Environment", f"processes {pids} of the cluster cannot be ended", "look at them with ps")
        seen.update(pids)
        files |= shared_files(pids)
        kill(pids, mark)
    for path in files:
        Path(path).unlink(missing_ok=True)
    return len(seen)


def remove_folder(path: str) -> None:
    """Removes a cluster's folder; processes that were killed a moment ago may still be leaving it."""
    for _ in range(20):
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.lexists(path):
            return
        time.sleep(0.1)
    raise error("Environment", f"cannot remove {path}", "remove it by hand")

