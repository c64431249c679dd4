# SPDX-License-Identifier: Apache-2.0
"""Bytes that other processes of this host can read in place: a sealed memfd, or an unlinked file in a spill folder.

Whoever has its descriptor can map it; it is gone with the last descriptor and mapping, however processes end.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
from typing import Sequence

from headrace.checksum import Buffer
from headrace.errors import error
from headrace.objects import size_of

# Numbers of linux/fcntl.h; the module fcntl has names for them since Python 3.9 on some builds only.
_ADD_SEALS, _GET_SEALS = 1033, 1034
_SEALS = 0x0002 | 0x0004 | 0x0008  # shrink, grow, write


class Blob:
    """Owns a descriptor until `close`; what `bytes` gave stays valid after it."""

    def __init__(self, descriptor: int, size: int, in_memory: bool) -> None:
        self.descriptor = descriptor
        self.size = size
        self.in_memory = in_memory

    @staticmethod
    def make(pieces: Sequence[Buffer], spill: str = "") -> "Blob":
        """Writes the pieces one after another. `spill`: a folder on a disk; empty: in memory. Errors: Environment (disk full)."""
        size = size_of(pieces)
        try:
            if spill:
                descriptor = os.open(spill, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
            else:
                descriptor = os.memfd_create("headrace", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            blob = Blob(descriptor, size, not spill)
            for piece in pieces:
                rest = memoryview(piece).cast("B") if memoryview(piece).nbytes else memoryview(b"")
                while rest.nbytes:
                    rest = rest[os.write(descriptor, rest) :]
            if not spill:
                fcntl.fcntl(descriptor, _ADD_SEALS, _SEALS)
        except OSError as problem:
            raise error("Environment", f"cannot share {size} bytes: {problem.strerror}", "lower --object-memory, or free space") from None
        return blob

    @staticmethod
    def adopt(descriptor: int, size: int) -> "Blob":
        """Takes one that another process made. Errors: Protocol when it is smaller than `size`, or could still change."""
        facts = os.fstat(descriptor)
        try:
            seals = fcntl.fcntl(descriptor, _GET_SEALS)
        except OSError:
            seals = -1
        problem = ""
        if not stat.S_ISREG(facts.st_mode) or facts.st_size < size:
            problem = f"a shared object of {size} bytes came with a descriptor of {facts.st_size}"
        elif seals >= 0 and seals & _SEALS != _SEALS:
            problem = "a shared object came unsealed"
        elif seals < 0 and facts.st_nlink != 0:
            problem = "a spilled object came as a named file"
        if problem:
            os.close(descriptor)
            raise error("Protocol", problem)
        return Blob(descriptor, size, seals >= 0)

    def bytes(self) -> memoryview:
        """Its bytes in place, read only; the mapping lives as long as a view of it."""
        if self.size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(self.descriptor, self.size, mmap.MAP_SHARED, mmap.PROT_READ))

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
