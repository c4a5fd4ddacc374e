"""HTTP to the Agent over TCP, TLS or a unix socket; loaded at the first request, never before."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from ..clock import clock
from ..resolving import addresses

FAILURES = (OSError, HTTPException)
"""What reading an answer may raise."""

_BLOCK_BYTES = 1 << 16
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)
"""Python ignores SIGPIPE, its host may not: uWSGI logs each."""


class _PatientReader(io.RawIOBase):
    """The read side of a socket with one deadline for the whole answer, so that a dripping Agent is given up too."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._end = clock.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._end - clock.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(remaining)
        return self._raw.readinto(buffer)  # type: ignore[no-any-return,attr-defined,unused-ignore]

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    # Where the connection goes before it begins, nothing else is there when it is let go, which Python 3.13 says aloud.
    fp: Any = None

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_PatientReader(self.fp.detach(), sock))


def _opened(address: tuple[str, int], timeout_s: float, source: None) -> socket.socket:
    """As `socket.create_connection`, also where no name can be looked up the usual way any more."""
    try:
        return socket.create_connection(address, timeout_s, source)
    except RuntimeError:
        failure = OSError(f"{address[0]} has no address")
    for family, kind, protocol, numeric in addresses(*address, socket.SOCK_STREAM):
        opened = socket.socket(family, kind, protocol)
        opened.settimeout(timeout_s)
        try:
            opened.connect(numeric)
        except OSError as error:
            opened.close()
            failure = error
        else:
            return opened
    raise failure


class _Http(HTTPConnection):
    response_class = _Answer

    def send(self, data: Any) -> None:
        if type(data) is not bytes:
            super().send(data)
            return
        if self.sock is None:
            self.connect()
        self.sock.sendall(data, _NO_SIGNAL)


class _Https(HTTPSConnection):
    response_class = _Answer


class _Unix(_Http):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            raise
        self.sock = sock


def connect(url: str, timeout_s: float) -> tuple[HTTPConnection, str]:
    """A connection, not yet opened, and the prefix of every path on it. Raises ValueError for an unusable URL."""
    if url.startswith("unix://"):
        return _Unix(url.removeprefix("unix://"), timeout_s), ""
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise ValueError(f"not an Agent address: {url!r}")
    prefix = parts.path.rstrip("/")
    # Port 80, not 8126, as in every other http URL: the settings put the Agent's own port into the URL.
    kind, port = (_Https, 443) if parts.scheme == "https" else (_Http, 80)
    connection: Any = kind(parts.hostname, parts.port or port, timeout=timeout_s)
    connection._create_connection = _opened
    return connection, prefix


def blocks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts joined to blocks of about 64 KiB: few system calls, and no second copy of a large payload."""
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= _BLOCK_BYTES:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    if waiting:
        yield b"".join(waiting)


def abandon(connection: HTTPConnection) -> None:
    """Let go of a connection that a parent process uses: no lock is taken, nothing is sent, only our copy is closed."""
    if connection.sock is not None:
        socket.close(connection.sock.detach())
