# SPDX-License-Identifier: Apache-2.0
"""What user code prints, also from C, goes to the driver as log lines: descriptors 1 and 2 become pipes that a thread reads."""

from __future__ import annotations

import os
import select
import sys
import threading
import uuid
from typing import Callable, Dict

# headrace/base/log.h
LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO = 0, 1, 2

_LINE_MAX = 8192
_DRAIN_SECONDS = 2.0


class Relay:
    """Owns descriptors 1 and 2 of the process from `start` to its end."""

    def __init__(self, send: Callable[[int, str], None]) -> None:
        self._send = send
        self._mark = f"headrace-mark-{uuid.uuid4().hex}".encode()  # tells that everything before it has been sent
        self._drained = threading.Event()
        self._levels: Dict[int, int] = {}
        self._pending: Dict[int, bytes] = {}

    def start(self) -> None:
        for target, level in ((1, LEVEL_INFO), (2, LEVEL_WARNING)):
            ours, theirs = os.pipe()
            os.dup2(theirs, target)
            os.close(theirs)
            self._levels[ours] = level
            self._pending[ours] = b""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(line_buffering=True)
        threading.Thread(target=self._read, name="headrace-relay", daemon=True).start()

    def drain(self) -> None:
        """Waits until what was printed before has been sent."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                return
        self._drained.clear()
        os.write(1, b"\n" + self._mark + b"\n")
        self._drained.wait(_DRAIN_SECONDS)

    def _read(self) -> None:
        poll = select.poll()
        for descriptor in self._levels:
            poll.register(descriptor, select.POLLIN)
        while True:
            # Standard error first: a mark on standard output then comes after all that was written before it.
            for descriptor in sorted((found for found, _ in poll.poll()), key=lambda found: self._levels[found]):
                self._take(descriptor, os.read(descriptor, 1 << 16))

    def _take(self, descriptor: int, data: bytes) -> None:
        *lines, rest = (self._pending[descriptor] + data).split(b"\n")
        while len(rest) > _LINE_MAX:
            lines.append(rest[:_LINE_MAX])
            rest = rest[_LINE_MAX:]
        self._pending[descriptor] = rest
        for line in lines:
            if line == self._mark:
                self._drained.set()
            elif line.strip():
                self._send(self._levels[descriptor], line[:_LINE_MAX].decode("utf-8", "replace"))
