# SPDX-License-Identifier: Apache-2.0
"""Reads the journal of a run, for tools. include/headrace/io/journal.h has the format."""
import json
import struct
from pathlib import Path

DONE = 2   # exec::TaskStatus::kDone


def records(path):
    """The records in order: a 16-byte header, then length (low 26 bits of a word), CRC, payload; little-endian; empty ones are seals."""
    data = Path(path).read_bytes()
    at = 16
    while at + 8 <= len(data):
        word, _ = struct.unpack_from("<II", data, at)
        length = word & ((1 << 26) - 1)
        if length:
            yield json.loads(data[at + 8 : at + 8 + length])
        at += 8 + length


def of_store(store):
    """Every record of every run in a store."""
    for journal in sorted(Path(store).glob("runs/*/journal")):
        yield from records(journal)
