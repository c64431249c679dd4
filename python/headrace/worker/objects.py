# SPDX-License-Identifier: Apache-2.0
"""What a worker holds: objects by the driver's numbers, encoded, and decoded once they were asked for."""

from __future__ import annotations

import struct
import threading
from concurrent.futures import Future
from typing import Any, Dict, Iterator, Optional, Tuple

from headrace.checksum import Buffer
from headrace.errors import HeadraceError, error
from headrace.objects import decode

CHUNK_HEAD = struct.Struct("<QQQ")  # number, offset, size of the whole
CHUNK_BYTES = 1 << 20
_OBJECT_MAX = 1 << 40
_NOTHING = object()


class ObjectTable:
    """Threads: any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes: Dict[int, Tuple[Buffer, bool]] = {}
        self._decoded: Dict[int, Any] = {}

    def put(self, number: int, data: Buffer, spilled: bool = False, value: Any = _NOTHING) -> None:
        with self._lock:
            self._bytes[number] = (data, spilled)
            if value is not _NOTHING:
                self._decoded[number] = value

    def has(self, number: int) -> bool:
        with self._lock:
            return number in self._bytes

    def encoded(self, number: int) -> Optional[Buffer]:
        with self._lock:
            found = self._bytes.get(number)
        return None if found is None else found[0]

    def value(self, number: int) -> Any:
        """The object; tables view the bytes. Errors: ObjectLost, Damaged."""
        with self._lock:
            if number in self._decoded:
                return self._decoded[number]
            found = self._bytes.get(number)
        if found is None:
            raise error("ObjectLost", f"object {number} is not here")
        value = decode(found[0])
        with self._lock:
            if number in self._bytes:
                self._decoded[number] = value
        return value

    def forget(self, number: int) -> None:
        with self._lock:
            self._bytes.pop(number, None)
            self._decoded.pop(number, None)

    def held_bytes(self) -> Tuple[int, int]:
        """Bytes in memory, and spilled to disk."""
        with self._lock:
            sizes = [(memoryview(data).nbytes, spilled) for data, spilled in self._bytes.values()]
        return sum(size for size, spilled in sizes if not spilled), sum(size for size, spilled in sizes if spilled)


class Incoming:
    """Objects that were asked for and come in chunks. Threads: any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: Dict[int, "Future[Buffer]"] = {}
        self._parts: Dict[int, bytearray] = {}
        self._arrived: Dict[int, int] = {}

    def want(self, number: int) -> "Tuple[Future[Buffer], bool]":
        """What will give the bytes, and whether this is the first who asks (who then has to send for them)."""
        with self._lock:
            found = self._wanted.get(number)
            if found is not None:
                return found, False
            made: "Future[Buffer]" = Future()
            self._wanted[number] = made
            return made, True

    def chunk(self, payload: bytes) -> None:
        """Errors: Protocol (a chunk that does not fit)."""
        if len(payload) < CHUNK_HEAD.size:
            raise error("Protocol", "a chunk without its head")
        number, offset, size = CHUNK_HEAD.unpack_from(payload)
        data = memoryview(payload)[CHUNK_HEAD.size :]
        with self._lock:
            future = self._wanted.get(number)
            if future is None:
                return  # nobody waits any more
            if size > _OBJECT_MAX:
                raise error("Protocol", f"an object of {size} bytes")
            whole = self._parts.setdefault(number, bytearray())
            arrived = self._arrived.get(number, 0)
            if offset != arrived or data.nbytes > size - offset:
                raise error("Protocol", f"a chunk of object {number} does not fit")
            whole += data
            self._arrived[number] = arrived + data.nbytes
            if self._arrived[number] < size:
                return
            self._drop(number)
        future.set_result(memoryview(whole).toreadonly())

    def fail(self, number: int, problem: HeadraceError) -> None:
        with self._lock:
            future = self._wanted.get(number)
            self._drop(number)
        if future is not None:
            future.set_exception(problem)

    def _drop(self, number: int) -> None:
        self._wanted.pop(number, None)
        self._parts.pop(number, None)
        self._arrived.pop(number, None)


def chunks(number: int, data: Buffer) -> Iterator[bytes]:
    """The frames that answer a fetch."""
    view = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
    for offset in range(0, max(view.nbytes, 1), CHUNK_BYTES):
        yield CHUNK_HEAD.pack(number, offset, view.nbytes) + bytes(view[offset : offset + CHUNK_BYTES])
