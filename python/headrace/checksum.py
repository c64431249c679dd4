# SPDX-License-Identifier: Apache-2.0
"""CRC-32C, as frames, journals and objects have it. google-crc32c does the work; without it a table does, 1000 times slower."""

from __future__ import annotations

from typing import Any, List, Union

Buffer = Union[bytes, bytearray, memoryview]

_PIECE = 1 << 17

_library: Any = None
try:
    import google_crc32c

    _library = google_crc32c
except ImportError:  # no wheel for this platform
    pass


def crc32c(data: Buffer, start: int = 0) -> int:
    """The checksum of `data`, going on from the checksum of what came before.

    >>> hex(crc32c(b"123456789")), crc32c(b"56789", crc32c(b"1234")) == crc32c(b"123456789")
    ('0xe3069283', True)
    """
    if _library is None:
        return crc32c_by_table(data, start)
    if isinstance(data, bytes):
        return int(_library.extend(start, data))
    view = memoryview(data).cast("B")
    for at in range(0, view.nbytes, _PIECE):  # the library takes bytes only: copied in pieces that stay in the cache
        start = _library.extend(start, bytes(view[at : at + _PIECE]))
    return start


def crc32c_by_table(data: Buffer, start: int = 0) -> int:
    """The same from a table of the reflected polynomial 0x82F63B78.

    >>> hex(crc32c_by_table(b"123456789"))
    '0xe3069283'
    """
    crc = start ^ 0xFFFFFFFF
    for byte in memoryview(data).cast("B"):
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _table() -> List[int]:
    out = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        out.append(crc)
    return out


_TABLE = _table()
