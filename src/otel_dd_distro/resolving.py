"""The addresses of a host, also while Python ends."""

from __future__ import annotations

import _socket
import socket
from typing import Any


def addresses(host: str | None, port: int, kind: int) -> list[tuple[int, int, int, Any]]:
    """Family, kind, protocol and numeric address for each socket of a `kind` that may do. Raises OSError for none.

    gevent looks names up in a thread, and Python 3.12 starts none while it ends: then it is done in this one.
    """
    found: list[Any]
    try:
        found = [*socket.getaddrinfo(host, port, type=kind)]
    except RuntimeError:
        found = [*_socket.getaddrinfo(host, port, 0, kind)]
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in found]
