# SPDX-License-Identifier: Apache-2.0
"""Gateway: keeps as many workers running on a Ray cluster as its driver asks for. python -m headrace.ray gateway --address A --run ID

The driver's token is taken from $HEADRACE_TOKEN, the cluster's from $RAY_AUTH_TOKEN or the state of `headrace cluster up`.

Lines from the driver (stdin), one JSON object each:
    {"open": {"unix": ADDRESS, "tls": ADDRESS}}          where workers connect; first
    {"want": {"group": NAME, "slots": N, "command": [PROGRAM, WORD...], "cpu", "memory_bytes", "gpu", "custom": {NAME: AMOUNT},
              "placement": free|pack|spread|strict_pack|strict_spread, "node": ID or address}}
                                                          again with another N to grow or shrink a group whose placement is free
    {"release": {"slots": [NAME...]}}                     ends these, and the group is smaller by as many
    {"gone": {"slot": NAME, "pid": PID}}                  the driver has lost this worker
End of input ends everything that was started.

Lines to the driver (stdout):
    {"ready": {"address", "nodes": [{"id", "ip", "resources"}]}}    first; {"nodes": [...]} when they have changed
    {"placed": {"slot", "pid", "supervisor", "ip"}}       a worker was started
    {"lost": {"slot", "cause", "again_in_s"}}             it ended, and is started again
    {"failed": {"slot", "cause"}}                         it is given up
    {"pending": {"slots": [NAME...], "fits": N}}          no room for these yet; the cluster holds N of the group at most
    {"output": {"slot", "text"}}                          a line that a worker printed
    {"error": {"code", "name", "message", "advice"}}      the gateway ends

Supervisors are detached: when a gateway dies they go on, and the next one with the same --run takes them over. Slots that wait for
room are what Ray's autoscaler counts as demand, so asking for more slots is all it takes to grow a cluster; `request_resources` is not
used, since it is one list for the whole cluster and a second driver would take the first one's away.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
import time
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from headrace.errors import HeadraceError, error
from headrace.ray import connection, lines, supervisor
from headrace.ray.placement import Places, Wish, alive_nodes
from headrace.ray.slots import Group, Slot

_LINE_MAX = 1 << 20
_LOOK_SECONDS = 2.0          # how often nodes and slots without room are looked at
_PENDING_SECONDS = 5.0
_GRACE_SECONDS = 1.0


class Gateway:
    """Threads: one reads stdin and posts lines; all else happens in the one that calls `serve`."""

    def __init__(self, ray: Any, address: str, run: str, token: str) -> None:
        self._ray = ray
        self._run = run
        self._address = address
        # In a job of Ray the working directory is another one on each node, and Ray puts each process into it.
        in_job = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
        self._shared: Dict[str, Any] = {
            "token": token,
            "driver_host": supervisor.host_identity(),
            "folder": "" if in_job else os.getcwd(),
        }
        self._posted: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self._groups: Dict[str, Group] = {}
        self._nodes: List[Dict[str, Any]] = []
        self._look_at = 0.0
        # By value: nodes need not have this package.
        ray.cloudpickle.register_pickle_by_value(supervisor)
        self._class = ray.remote(supervisor.Supervisor)

    def serve(self) -> None:
        """Until the driver's end of file. Errors: Protocol, Unreachable (the cluster is gone)."""
        self._nodes = alive_nodes(self._ray)
        lines.emit("ready", {"address": self._address, "nodes": self._nodes})
        threading.Thread(target=_read_lines, args=(self._posted.put,), daemon=True).start()
        try:
            while True:
                now = time.monotonic()
                times = [slot.next_at() for slot in self._all()] + [self._look_at]
                try:
                    posted = self._posted.get(timeout=max(0.0, min(times) - now))
                except queue.Empty:
                    posted = ()
                if posted is None:
                    return
                self._take(posted)
                for slot in self._all():
                    slot.step()
                if time.monotonic() >= self._look_at:
                    self._look()
        finally:
            self._end(set(self._all()))
            for group in self._groups.values():
                group.places.remove()

    def _all(self) -> List[Slot]:
        return [slot for group in self._groups.values() for slot in group.slots.values()]

    def _take(self, posted: Tuple[Any, ...]) -> None:
        if not posted:
            return
        if len(posted) == 3:
            slot, mark, done = posted
            slot.answered(mark, done)
            return
        kind, value = posted
        if kind == "open":
            self._shared.update(unix=str(value.get("unix", "")), tls=str(value["tls"]))
        elif kind == "want":
            self._want(Wish.of(value))
        elif kind == "release":
            for group in self._groups.values():
                self._end(group.release(set(value["slots"])))
        elif kind == "gone":
            for slot in self._all():
                if slot.name == value["slot"]:
                    slot.gone(int(value["pid"]))
        else:
            raise error("Protocol", f"the driver said '{kind}'")

    def _want(self, wish: Wish) -> None:
        if "tls" not in self._shared:
            raise error("Protocol", "the driver wants slots before it said where it listens")
        group = self._groups.get(wish.group)
        if group is None:
            places = Places(self._ray, wish, f"{self._run}-{wish.group}")
            group = Group(lambda number: self._make(wish, places, number), places, wish)
            self._groups[wish.group] = group
        elif group.wish.placement != "free" and wish.slots != group.wish.slots:
            raise error("Protocol", "a gang cannot be resized")
        self._end(group.resize(wish.slots))

    def _make(self, wish: Wish, places: Places, number: int) -> Slot:
        slot = Slot(self._ray, self._class, wish, places, number, self._shared, self._posted.put)
        found = self._earlier(slot.name)
        if found is not None:
            slot.adopt(*found)
        return slot

    def _earlier(self, slot: str) -> Optional[Tuple[Any, int]]:
        """The newest supervisor that another gateway of this run has left."""
        incarnations = [0]
        for name in self._ray.util.list_named_actors():
            owner, _, incarnation = name.rpartition(".")
            if owner == slot and incarnation.isdigit():
                incarnations.append(int(incarnation))
        newest = max(incarnations)
        if newest == 0:
            return None
        try:
            return self._ray.get_actor(f"{slot}.{newest}"), newest
        except ValueError:   # it ended meanwhile
            return None

    def _end(self, slots: Set[Slot]) -> None:
        """Workers end in order, then their supervisors."""
        asked = [reference for reference in (slot.ask_to_end(_GRACE_SECONDS) for slot in slots) if reference is not None]
        if asked:
            self._ray.wait(asked, num_returns=len(asked), timeout=_GRACE_SECONDS + 2)
        for slot in slots:
            slot.end()

    def _look(self) -> None:
        now = time.monotonic()
        self._look_at = now + _LOOK_SECONDS
        nodes = alive_nodes(self._ray)
        if nodes != self._nodes:
            self._nodes = nodes
            lines.emit("nodes", nodes)
        for group in self._groups.values():
            late = now - _PENDING_SECONDS
            open_slots = [slot for slot in group.slots.values() if not slot.placed and not slot.failed]
            waiting = [slot for slot in open_slots if not slot.told_pending and slot.created_at < late]
            if waiting:
                lines.emit("pending", {"slots": [slot.name for slot in waiting], "fits": group.wish.fits(nodes)})
            for slot in group.slots.values():
                slot.told_pending = slot in waiting or (slot.told_pending and not slot.placed)


def _read_lines(post: Any) -> None:
    for line in iter(lambda: sys.stdin.buffer.readline(_LINE_MAX), b""):
        try:
            document = json.loads(line)
            ((kind, value),) = document.items()
        except (ValueError, AttributeError):
            kind, value = "a line that is no object with one key", None
        post((kind, value))
    post(None)


def run(address: str, run_id: str, token: str) -> None:
    found = connection.resolve(address)
    connection.load_ray()
    connection.reach(found)
    connection.check_token(found)
    ray = connection.connect(found, namespace=f"headrace-{run_id}")
    try:
        Gateway(ray, found, run_id, token).serve()
    finally:
        ray.shutdown()


def main(words: List[str]) -> int:
    parser = argparse.ArgumentParser("headrace.ray gateway", allow_abbrev=False)
    parser.add_argument("--address", default="auto", help="HOST:PORT of the cluster's control store, or auto")
    parser.add_argument("--run", required=True, help="names what belongs to one driver")
    given = parser.parse_args(words)
    lines.claim_stdout()
    token = os.environ.pop("HEADRACE_TOKEN", "")
    try:
        if not token:
            raise lines.usage("the driver's token is missing", "set HEADRACE_TOKEN")
        run(given.address, given.run, token)
        return 0
    except HeadraceError as problem:
        return lines.failed_with(problem)
    except Exception as problem:   # Ray raises many: the control store died, the node went
        text: Mapping[str, str] = {"text": " ".join(str(problem).split())[:400] or type(problem).__name__}
        return lines.failed_with(error("Unreachable", f"the Ray cluster is lost: {text['text']}", "look at `headrace cluster status`"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
