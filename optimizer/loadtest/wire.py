"""One HTTP/1.1 connection that never blocks, with the time at which the operating system received each piece.

A client that is busy reads late, but Linux stamps every piece when it arrives (SO_TIMESTAMPNS of socket(7)), so that a
busy client still reports when the endpoint answered. Elsewhere a piece is stamped when it is read.
"""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import struct
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from optimizer.errors import Fault, InputError

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

Steps = Generator["tuple[Connection, int] | float", float, Any]
"""Yields what it waits for: a connection that can be read or written, or some seconds. It is sent the time since which
its driver has been busy, by the clock of time.perf_counter."""

STAMP_OPTION = 35
"""SO_TIMESTAMPNS of Linux (asm-generic/socket.h), the same number in the message that bears the stamp."""

STAMPED = sys.platform == "linux"
"""Whether pieces bear the time at which they came."""

STAMP = struct.Struct("qq")
OLDEST_STAMP_S = 600.0
"""A piece cannot have waited longer than this; an older stamp means that the clock was set."""

PIECE = 65536
CONNECT_S = 10.0

AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name a file of authorities for other clients; OpenSSL itself reads SSL_CERT_FILE and SSL_CERT_DIR."""


class StreamError(Exception):
    """An answer that is no measurement; its text is short and the same for the same kind, so that it can be counted."""


@dataclass(frozen=True)
class Target:
    """The address that all connections go to."""

    host: str
    address: tuple[Any, ...]
    family: int
    path: str
    """In front of every path that is asked."""
    tls: ssl.SSLContext | None
    name: str
    """What the Host line says."""


def tls_context(cacert: str | None) -> ssl.SSLContext:
    """Return the rules by which certificates are checked: the authorities of a file, else those of this machine.

    Raises:
        InputError: the file cannot be read or holds no certificate.
    """
    named = cacert or next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), None)
    try:
        if named is not None and Path(named).is_dir():
            context = ssl.create_default_context(capath=named)
        else:
            context = ssl.create_default_context(cafile=named)
    except (OSError, ssl.SSLError) as error:
        option = "--cacert" if cacert else next(name for name in AUTHORITIES if os.environ.get(name))
        why = "no file" if isinstance(error, FileNotFoundError) else "a file without a certificate"
        raise InputError([Fault(option, str(named), why, "certificates of authorities, in PEM")]) from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def target_of(url: str, cacert: str | None) -> Target:
    """Find the address of an endpoint: the first of its name's addresses that takes connections.

    Raises:
        StreamError: none does.
        InputError: the file of authorities is none.
    """
    parts = urlsplit(url)
    tls = tls_context(cacert) if parts.scheme == "https" else None
    host, port = parts.hostname or "", parts.port or (443 if tls else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise StreamError("the endpoint is down: its name has no address") from None
    for family, _, _, _, address in found:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.settimeout(CONNECT_S)
            if trial.connect_ex(address) == 0:
                return Target(host, address, family, parts.path, tls, parts.netloc)
    raise StreamError("the endpoint is down: no connection")


def said_of(error: Exception) -> str:
    """Say in a few words what went wrong with a request."""
    if isinstance(error, StreamError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer within the time limit"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the endpoint's certificate is not trusted ({error.verify_message}): name its authority with --cacert"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({(error.reason or 'unknown').lower().replace('_', ' ')}): does this port speak https?"
    if isinstance(error, ConnectionRefusedError):
        return "the endpoint is down: no connection"
    if isinstance(error, OSError):
        return "the stream was cut before its end"
    return f"{type(error).__name__}: {str(error)[:80]}"


def _received(sock: socket.socket) -> tuple[bytes, float | None]:
    """Read once and return the bytes and the seconds since they came, None where the system does not say."""
    if not STAMPED:
        return sock.recv(PIECE), None
    data, messages, _, _ = sock.recvmsg(PIECE, 64)
    if not messages or messages[0][1] != STAMP_OPTION:
        return data, None
    seconds, nanoseconds = STAMP.unpack(messages[0][2][:STAMP.size])
    age = time.time() - seconds - nanoseconds * 1e-9
    return data, age if 0.0 <= age < OLDEST_STAMP_S else None


@dataclass
class Connection:
    """One connection to the target: opened when needed, kept where the endpoint allows it.

    Its methods are generators that yield whenever they have to wait.
    """

    target: Target
    deadline: float = float("inf")
    """By the clock of time.perf_counter: whoever drives the generators ends them with TimeoutError after it."""
    sock: socket.socket | None = None
    late_s: list[float] = field(default_factory=list)
    """By how much each piece was read after it had come; the caller empties it."""
    _tls: ssl.SSLObject | None = None
    _incoming: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    _outgoing: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)

    def open(self) -> Steps:
        """Connect, and agree on TLS where the endpoint's address is https."""
        self.close()
        sock = self.sock = socket.socket(self.target.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if STAMPED:
            sock.setsockopt(socket.SOL_SOCKET, STAMP_OPTION, 1)
        code = sock.connect_ex(self.target.address)
        if code:
            yield self, WRITE
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise ConnectionRefusedError(code, "no connection")
        if self.target.tls is not None:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = self.target.tls.wrap_bio(self._incoming, self._outgoing, server_hostname=self.target.host)
            try:
                yield from self._shake_hands(self._tls)
            except TimeoutError:
                raise StreamError("TLS failed (no answer to its greeting): does this port speak https?") from None

    def _shake_hands(self, tls: ssl.SSLObject) -> Steps:
        while True:
            try:
                tls.do_handshake()
                yield from self._push(self._outgoing.read())
                return
            except ssl.SSLWantReadError:
                yield from self._push(self._outgoing.read())
                data, _ = yield from self._pull()
                if not data:
                    raise ssl.SSLError("closed within the handshake") from None
                self._incoming.write(data)

    def send(self, data: bytes) -> Steps:
        """Send everything."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        yield from self._push(data)

    def _push(self, data: bytes) -> Steps:
        assert self.sock is not None
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.sock.send(rest):]
            except BlockingIOError:
                yield self, WRITE

    def receive(self) -> Steps:
        """Return the next piece and the time at which it came; no bytes at the end."""
        while True:
            data, came = yield from self._pull()
            if self._tls is None or not data:
                return data, came
            self._incoming.write(data)
            plain = self._decrypted(self._tls)
            if plain:
                return plain, came

    @staticmethod
    def _decrypted(tls: ssl.SSLObject) -> bytes:
        """Return everything that the bytes received so far hold."""
        pieces = []
        try:
            while piece := tls.read(PIECE):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        return b"".join(pieces)

    def _pull(self) -> Steps:
        """Read once and return the bytes and when they came, by the clock of time.perf_counter."""
        assert self.sock is not None
        while True:
            busy_since = yield self, READ
            try:
                data, age = _received(self.sock)
            except BlockingIOError:
                continue
            now = time.perf_counter()
            self.late_s.append(now - busy_since if age is None else age)
            return data, now - (age or 0.0)

    def close(self) -> None:
        """Close it; nothing happens when it is closed already."""
        if self.sock is not None:
            self.sock.close()
        self.sock, self._tls = None, None
