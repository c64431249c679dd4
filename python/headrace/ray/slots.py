# SPDX-License-Identifier: Apache-2.0
"""Slot: one worker's place from the wish to its end. The gateway owns it and drives it from one thread.

States: waiting (for its time to be created) -> created (Ray looks for room) -> watched (its supervisor answers) -> waiting again when
the supervisor is lost for good, or failed. Ray restarts a supervisor by itself; who is not back after a few seconds (a node that died
is noticed by Ray after 15) is replaced by a new one, elsewhere.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Optional, Set

from headrace.ray.lines import emit
from headrace.ray.placement import Places, Wish

POLL_SECONDS = 5.0
_ANSWER_SECONDS = 8.0        # beyond a poll: a supervisor that does not answer is lost
_HINTED_SECONDS = 3.0        # the same when the driver has lost the worker, too
_UNAVAILABLE_SECONDS = 6.0
_RAY_RESTARTS = 3
_SETTLED_SECONDS = 30.0
_DEATHS_MAX = 10
_WORKER_RESTARTS = 20


class Slot:
    def __init__(self, ray: Any, actor_class: Any, wish: Wish, places: Places, number: int, shared: Dict[str, Any],
                 post: Callable[[Any], None]) -> None:  # fmt: skip
        self.name = f"{wish.group}-{number}"
        self.placed = False
        self.failed = False
        self.told_pending = False
        self.created_at = time.monotonic()
        self._ray, self._class, self._wish, self._places, self._number = ray, actor_class, wish, places, number
        self._shared, self._post = shared, post
        self._incarnation = 0
        self._actor: Any = None
        self._seen = 0                               # number of the last event
        self._answered = False                       # this supervisor has spoken
        self._create_at: Optional[float] = time.monotonic()
        self._poll_at: Optional[float] = None
        self._deadline: Optional[float] = None       # of the poll that is on its way
        self._unavailable_since: Optional[float] = None
        self._deaths = 0
        self._ended = False

    def spec(self) -> Dict[str, Any]:
        """What the supervisor works from."""
        wish = self._wish
        return {
            "slot": self.name,
            "command": list(wish.command),
            "flags": wish.flags(),
            "data_flag": wish.data_flag,
            "environment": dict(wish.environment),
            "placement_group": self._places.name,
            "restarts_max": _WORKER_RESTARTS,
            **self._shared,                          # token, unix, tls, driver_host, folder
        }

    def adopt(self, actor: Any, incarnation: int) -> None:
        """A supervisor of an earlier gateway."""
        self._actor, self._incarnation, self._create_at = actor, incarnation, None
        self._poll()

    def next_at(self) -> float:
        """When `step` has something to do."""
        times = [at for at in (self._create_at, self._poll_at, self._deadline) if at is not None]
        return min(times, default=time.monotonic() + 60)

    def step(self) -> None:
        now = time.monotonic()
        if self._ended or self.failed:
            return
        if self._create_at is not None and now >= self._create_at:
            self._create()
        elif self._poll_at is not None and now >= self._poll_at:
            self._poll()
        elif self._deadline is not None and now >= self._deadline:
            self._replace("its supervisor does not answer")

    def _create(self) -> None:
        self._create_at = None
        self._incarnation += 1
        self._seen, self._answered, self._unavailable_since = 0, False, None
        self.created_at = time.monotonic()
        options = self._wish.actor_options()
        options.update(
            name=f"{self.name}.{self._incarnation}",
            lifetime="detached",                     # it outlives a gateway; see supervisor.py for its end
            max_restarts=_RAY_RESTARTS,
            max_concurrency=4,
            scheduling_strategy=self._places.strategy(self._number),
        )
        self._actor = self._class.options(**options).remote(self.spec())
        self._poll()

    def _poll(self) -> None:
        self._poll_at = None
        # Before its first answer it may wait for room, for as long as it takes.
        self._deadline = time.monotonic() + POLL_SECONDS + _ANSWER_SECONDS if self._answered else None
        mark = self._incarnation
        future = self._actor.events.remote(self._seen, POLL_SECONDS).future()
        future.add_done_callback(lambda done: self._post((self, mark, done)))

    def answered(self, mark: int, done: Any) -> None:
        """A poll has come back."""
        if mark != self._incarnation or self._ended or self.failed:
            return
        problem = done.exception()
        if problem is None:
            self._answered, self._unavailable_since = True, None
            answer = done.result()
            # Restarted by Ray: it counts from one again.
            self._seen = answer["last"]
            for event in answer["events"]:
                self._tell(event)
            if not self.failed:
                self._poll()
            return
        exceptions = self._ray.exceptions
        now = time.monotonic()
        if isinstance(problem, exceptions.ActorUnavailableError):
            self._seen, self._deadline = 0, None
            self._unavailable_since = self._unavailable_since or now
            if self.placed:
                self.placed = False
                emit("lost", {"slot": self.name, "cause": "its supervisor is gone", "again_in_s": 0})
            if now - self._unavailable_since < _UNAVAILABLE_SECONDS:
                self._poll_at = now + 0.5
                return
        self._replace(_first_words(problem))

    def gone(self, pid: int) -> None:
        """The driver has lost the worker `pid`."""
        if self._actor is None or not self._answered:
            return
        self._actor.renew.remote(pid)
        if self._deadline is not None:
            mark = self._incarnation
            self._deadline = min(self._deadline, time.monotonic() + _HINTED_SECONDS)
            # Whoever answers this is there: the long poll behind it gets its time back.
            future = self._actor.events.remote(self._seen, 0).future()
            future.add_done_callback(lambda done: self._post((_Heard(self), mark, done)))

    def heard(self, mark: int, done: Any) -> None:
        if mark == self._incarnation and done.exception() is None and self._deadline is not None:
            self._deadline = time.monotonic() + POLL_SECONDS + _ANSWER_SECONDS

    def _replace(self, cause: str) -> None:
        now = time.monotonic()
        if self._actor is not None:
            self._kill()
        if self.placed:
            self.placed = False
        self._deaths = 0 if now - self.created_at > _SETTLED_SECONDS else self._deaths + 1
        self._poll_at = self._deadline = None
        if self._deaths > _DEATHS_MAX:
            self.failed = True
            emit("failed", {"slot": self.name, "cause": f"its supervisor dies as soon as it is started: {cause}"})
            return
        pause = 0.0 if self._deaths == 0 else min(30.0, 0.5 * 2**self._deaths)
        self._create_at = now + pause
        emit("lost", {"slot": self.name, "cause": cause, "again_in_s": pause})

    def _tell(self, event: Dict[str, Any]) -> None:
        kind = str(event["kind"])
        if kind == "placed":
            self.placed = True
        elif kind in ("lost", "failed"):
            self.placed = False
            self.failed = kind == "failed"
        emit(kind, {"slot": self.name, **{name: value for name, value in event.items() if name != "kind"}})

    def ask_to_end(self, grace: float) -> Any:
        """Ends the worker in order; the reference is ready when that is done."""
        self._ended = True
        return self._actor.stop.remote(grace) if self._actor is not None and self._answered else None

    def end(self) -> None:
        self._ended = True
        if self._actor is not None:
            self._kill()

    def _kill(self) -> None:
        try:
            self._ray.kill(self._actor, no_restart=True)
        except Exception:   # it is gone already
            pass
        self._actor = None


class _Heard:
    """Routes the answer of a question that only wants to know whether somebody is there."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    def answered(self, mark: int, done: Any) -> None:
        self._slot.heard(mark, done)


class Group:
    """The slots of one wish."""

    def __init__(self, make: Callable[[int], Slot], places: Places, wish: Wish) -> None:
        self.wish = wish
        self.places = places
        self.slots: Dict[int, Slot] = {}
        self._make = make

    def resize(self, count: int) -> Set[Slot]:
        """Adds slots, lowest free numbers first, or gives those with the highest numbers back to be ended."""
        number = 1
        while len(self.slots) < count:
            if number not in self.slots:
                self.slots[number] = self._make(number)
            number += 1
        return {self.slots.pop(number) for number in sorted(self.slots)[count:]}

    def release(self, names: Set[str]) -> Set[Slot]:
        return {self.slots.pop(number) for number, slot in list(self.slots.items()) if slot.name in names}


def _first_words(problem: BaseException) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return (" ".join(lines[:3]) or type(problem).__name__)[:400]
