# SPDX-License-Identifier: Apache-2.0
"""Frames over a stream socket, with descriptors beside them on a Unix socket (include/headrace/io/channel.h).

A frame is length u32, CRC-32C u32 of kind, flags and payload, kind u16, flags u16 (its low 8 bits: descriptors that ride along),
payload; little-endian.
"""

from __future__ import annotations

import array
import hashlib
import os
import select
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from headrace.checksum import Buffer, crc32c
from headrace.errors import error

HEADER = struct.Struct("<IIHH")
FRAME_MAX = 64 << 20
DESCRIPTORS_MAX = 64
_RECEIVE = 1 << 18


@dataclass(frozen=True)
class Address:
    """unix:PATH, tcp:HOST:PORT or tls:HOST:PORT#DIGEST; a PATH that starts with '@' is an abstract name.

    >>> Address.parse("tls:[::1]:7400#" + "ab" * 32)
    Address(kind='tls', host='::1', port=7400, certificate='abababababababababababababababababababababababababababababababab')
    """

    kind: str
    host: str
    port: int = 0
    certificate: str = ""

    @staticmethod
    def parse(text: str) -> "Address":
        """Errors: BadValue."""
        kind, _, rest = text.partition(":")
        wrong = error("BadValue", f"'{text}' is no address", "write unix:PATH, tcp:HOST:PORT or tls:HOST:PORT#DIGEST")
        if kind == "unix" and rest:
            return Address(kind, rest)
        place, _, certificate = rest.partition("#")
        host, _, port = place.rpartition(":")
        if kind not in ("tcp", "tls") or not host or not port.isdigit() or int(port) > 65535:
            raise wrong
        if (kind == "tls") != (len(certificate) == 64 and all(c in "0123456789abcdefABCDEF" for c in certificate)):
            raise wrong
        return Address(kind, host[1:-1] if host.startswith("[") and host.endswith("]") else host, int(port), certificate.lower())


def connect(address: Address, timeout: float = 10.0) -> "Channel":
    """Errors: Unreachable, Refused (a certificate that is not the one named)."""
    try:
        if address.kind == "unix":
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(timeout)
            sock.connect("\0" + address.host[1:] if address.host.startswith("@") else address.host)
        else:
            sock = socket.create_connection((address.host, address.port), timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.kind == "tls":
                sock = _secured(sock, address)
    except (OSError, ssl.SSLError) as problem:
        raise error("Unreachable", f"cannot connect to {address.kind}:{address.host}: {problem}") from None
    sock.settimeout(None)
    return Channel(sock)


def _secured(sock: socket.socket, address: Address) -> socket.socket:
    """TLS; the certificate is known by its digest, no authority is asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    wrapped = context.wrap_socket(sock)
    certificate = wrapped.getpeercert(binary_form=True) or b""
    if hashlib.sha256(certificate).hexdigest() != address.certificate:
        wrapped.close()
        raise error("Refused", f"the certificate of {address.host}:{address.port} is not the one that the address names")
    return wrapped


@dataclass
class Frame:
    kind: int
    payload: bytes
    descriptors: List[int]

    def take(self, index: int) -> int:
        """A descriptor, which is the caller's from now on. Errors: Protocol."""
        if not 0 <= index < len(self.descriptors) or self.descriptors[index] < 0:
            raise error("Protocol", "a message names a descriptor that did not come")
        found, self.descriptors[index] = self.descriptors[index], -1
        return found

    def close(self) -> None:
        """Closes the descriptors that nobody took."""
        for descriptor in self.descriptors:
            if descriptor >= 0:
                os.close(descriptor)
        self.descriptors = []


class Channel:
    """Threads: `send` any; `receive` one."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket: socket.socket = sock
        self._sending = threading.Lock()
        self._tls = threading.Lock()  # OpenSSL allows one thread at a time in a connection
        if isinstance(sock, ssl.SSLSocket):
            sock.setblocking(False)
        self._received = bytearray()
        self._descriptors: List[int] = []
        self.is_unix = sock.family == socket.AF_UNIX

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, kind: int, payload: Buffer, descriptors: Sequence[int] = ()) -> None:
        """Writes a frame whole. Errors: TooLarge, Closed."""
        size = memoryview(payload).nbytes
        if size > FRAME_MAX or len(descriptors) > DESCRIPTORS_MAX:
            raise error("TooLarge", f"a frame of {size} bytes with {len(descriptors)} descriptors")
        tail = struct.pack("<HH", kind, len(descriptors))
        head = struct.pack("<II", size, crc32c(payload, crc32c(tail))) + tail
        with self._sending:
            try:
                self._write(head, payload, descriptors)
            except OSError as problem:
                raise error("Closed", f"the peer is gone: {problem.strerror}") from None

    def _write(self, head: bytes, payload: Buffer, descriptors: Sequence[int]) -> None:
        if isinstance(self._socket, ssl.SSLSocket):
            return self._write_tls(self._socket, head + bytes(payload))
        if descriptors:
            sent = socket.send_fds(self._socket, [head, payload], list(descriptors))
        else:
            sent = self._socket.sendmsg([head, payload])
        if sent < len(head):
            self._socket.sendall(head[sent:])
            sent = len(head)
        rest = memoryview(payload).cast("B")[sent - len(head) :] if memoryview(payload).nbytes else b""
        if len(rest):
            self._socket.sendall(rest)

    def _write_tls(self, sock: ssl.SSLSocket, data: bytes) -> None:
        rest = memoryview(data)
        while rest.nbytes:
            wants = select.POLLOUT
            with self._tls:
                try:
                    rest = rest[sock.send(rest) :]
                    continue
                except ssl.SSLWantReadError:
                    wants = select.POLLIN
                except ssl.SSLWantWriteError:
                    pass
            _wait(sock, wants)

    def _read_tls(self, sock: ssl.SSLSocket, size: int) -> bytes:
        while True:
            wants = select.POLLIN
            with self._tls:
                try:
                    return sock.recv(size)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLWantWriteError:
                    wants = select.POLLOUT
                except ssl.SSLEOFError:
                    return b""
            _wait(sock, wants)

    def receive(self) -> Optional[Frame]:
        """The next frame; None when the peer has closed between two frames. Errors: Protocol, TooLarge, Closed."""
        if not self._fill(HEADER.size):
            return None
        size, crc, kind, flags = HEADER.unpack_from(self._received)
        if size > FRAME_MAX:
            raise error("TooLarge", f"the peer sent a frame of {size} bytes")
        if not self._fill(HEADER.size + size):
            raise error("Closed", "the peer went away in the middle of a frame")
        payload = bytes(memoryview(self._received)[HEADER.size : HEADER.size + size])
        if crc32c(payload, crc32c(bytes(self._received[8 : HEADER.size]))) != crc:
            raise error("Protocol", "a frame does not match its checksum")
        del self._received[: HEADER.size + size]
        count = flags & 0xFF
        if count > len(self._descriptors):
            raise error("Protocol", f"a frame names {count} descriptors, and {len(self._descriptors)} came")
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return Frame(kind, payload, taken)

    def _fill(self, size: int) -> bool:
        """Reads until `size` bytes are there; False at the end of a stream that ended cleanly."""
        while len(self._received) < size:
            data, descriptors = self._read(max(size - len(self._received), _RECEIVE))
            self._descriptors += descriptors
            if len(self._descriptors) > 4 * DESCRIPTORS_MAX:
                raise error("Protocol", "the peer sent descriptors that no frame names")
            if not data:
                if self._received:
                    raise error("Closed", "the peer went away in the middle of a frame")
                return False
            self._received += data
        return True

    def _read(self, size: int) -> Tuple[bytes, List[int]]:
        size = min(size, 4 << 20)
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                return self._read_tls(self._socket, size), []
            if not self.is_unix:
                return self._socket.recv(size), []
            space = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
            data, beside, flags, _ = self._socket.recvmsg(size, space, socket.MSG_CMSG_CLOEXEC)
        except OSError as problem:
            raise error("Closed", f"the peer is gone: {problem.strerror}") from None
        descriptors = array.array("i")
        for level, kind, raw in beside:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(raw[: len(raw) - len(raw) % descriptors.itemsize])
        if flags & socket.MSG_CTRUNC:
            raise error("Protocol", "descriptors were cut off")
        return data, list(descriptors)

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


def _wait(sock: socket.socket, wants: int) -> None:
    poll = select.poll()
    poll.register(sock, wants)
    poll.poll()
