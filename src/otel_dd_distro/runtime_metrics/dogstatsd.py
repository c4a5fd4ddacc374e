"""DogStatsD: datagrams of lines `name:value|d|#tag:value,...`, over UDP or a unix socket.

Source: Datadog, "DogStatsD datagram format". A client of our own: two lines of format, where Datadog's package brings
an HTTP client. What cannot be sent is gone, as with every metric of DogStatsD; the application does not notice.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from ..resolving import addresses

PORT = 8125
_MOST_BYTES = 1_432
"""Of a datagram over UDP: what an Ethernet frame takes."""
_UNSAFE = str.maketrans({"\n": "_", "\r": "_", "|": "_", ",": "_", "#": "_"})


class DogStatsd:
    """Sends distributions to `url`: `udp://host:port` or `unix:///path`. Opens nothing before the first metric."""

    def __init__(self, url: str, tags: Iterable[str]) -> None:
        self.url = url
        self._tags = ",".join(tag.translate(_UNSAFE) for tag in tags)
        self._socket: socket.socket | None = None

    def send(self, metrics: Mapping[str, float]) -> None:
        """One datagram, or several where one would be too long. Raises OSError where nobody is there to take them."""
        for datagram in self._datagrams(metrics):
            self._connected().send(datagram)

    def close(self) -> None:
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.close()

    def _datagrams(self, metrics: Mapping[str, float]) -> Iterable[bytes]:
        waiting = b""
        for name, value in metrics.items():
            line = f"{name}:{value:.10g}|d|#{self._tags}\n".encode()
            if waiting and len(waiting) + len(line) > _MOST_BYTES:
                yield waiting
                waiting = b""
            waiting += line
        if waiting:
            yield waiting

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = self._connect()
        return self._socket

    def _connect(self) -> socket.socket:
        path = self.url.removeprefix("unix://")
        if path != self.url:
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            address: str | tuple[str, int] = path
        else:
            parts = urlsplit(self.url)
            family, kind, protocol, address = addresses(parts.hostname, parts.port or PORT, socket.SOCK_DGRAM)[0]
            opened = socket.socket(family, kind, protocol)
        try:
            # A datagram that cannot leave at once is not waited for.
            opened.setblocking(False)
            opened.connect(address)
        except OSError:
            opened.close()
            raise
        return opened
