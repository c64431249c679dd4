# SPDX-License-Identifier: Apache-2.0
"""Reading objects that runs have kept, in place: the store's journals say where each lies (include/headrace/io/journal.h)."""

from __future__ import annotations

import json
import mmap
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple, Union

from headrace.checksum import crc32c
from headrace.errors import error
from headrace.objects import Object, decode

if TYPE_CHECKING:
    from headrace.results import Store

_MAGIC = b"HRJRNL\r\n"
_HEADER = 16
_LENGTH = (1 << 26) - 1


def store_folder(store: "Store" = None) -> str:
    """The folder of a store; asks the program for its default."""
    if store is not None:
        return os.path.abspath(os.fspath(store))
    from headrace.program import ask_raw

    return ask_raw(["store", "--path"]).out.decode("utf-8").strip()


def records(journal: "Union[str, os.PathLike[str]]") -> Iterator[Dict[str, Any]]:
    """The records of a journal in order; what follows a torn record is left out. Errors: NotFound, Damaged."""
    try:
        data = Path(journal).read_bytes()
    except OSError as problem:
        raise error("NotFound", f"cannot read '{os.fspath(journal)}': {problem.strerror}") from None
    if data[:8] != _MAGIC:
        raise error("Damaged", f"'{os.fspath(journal)}' is no journal")
    at = _HEADER
    while at + 8 <= len(data):
        word, crc = struct.unpack_from("<II", data, at)
        length = word & _LENGTH
        payload = data[at + 8 : at + 8 + length]
        if len(payload) < length or crc32c(payload, crc32c(data[at : at + 4])) != crc:
            return
        if length:
            yield json.loads(payload)
        at += 8 + length


def kept(run_folder: Path) -> Iterator[Dict[str, Any]]:
    """What one run has written: id, kind, offset and length in its file of objects."""
    for record in records(run_folder / "journal"):
        yield from record.get("kept") or []


def read_object(store: str, id: str, run: Optional[str] = None) -> Object:  # noqa: A002 ids are called id everywhere
    """An object by its id (or the start of it); the run that is named is searched first. Errors: NotFound, Damaged."""
    folders = sorted((path for path in Path(store, "runs").glob("*") if path.is_dir()), key=lambda path: path.name, reverse=True)
    folders.sort(key=lambda path: path.name != run)
    for folder in folders:
        for entry in kept(folder):
            if str(entry["id"]).startswith(id) and int(entry.get("length", 0)) > 0:
                return decode(mapped(folder / "objects", int(entry["offset"]), int(entry["length"])))
    raise error("NotFound", f"no run in {store} has kept the object {id[:12]}", "run it again; cache: always keeps everything")


def mapped(path: Path, offset: int, length: int) -> memoryview:
    """Bytes of a file in place; the mapping lives as long as a view of it. Errors: NotFound, Damaged."""
    try:
        with open(path, "rb") as file:
            if offset < 0 or offset + length > os.fstat(file.fileno()).st_size:
                raise error("Damaged", f"an object lies outside '{path}'", "remove the run and run it again")
            start = offset - offset % mmap.ALLOCATIONGRANULARITY
            whole = mmap.mmap(file.fileno(), offset - start + length, access=mmap.ACCESS_READ, offset=start)
    except OSError as problem:
        raise error("NotFound", f"cannot read '{path}': {problem.strerror}") from None
    return memoryview(whole)[offset - start :]


def objects_of(store: str, run: str) -> List[Tuple[str, memoryview]]:
    """Every object that a run has written, encoded, in the order written."""
    folder = Path(store, "runs", run)
    return [
        (str(entry["id"]), mapped(folder / "objects", int(entry["offset"]), int(entry["length"])))
        for entry in kept(folder)
        if int(entry.get("length", 0)) > 0
    ]
