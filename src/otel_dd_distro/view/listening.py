"""The ports that the view listens at."""

from __future__ import annotations

import errno
import socket

PORT, OTLP_PORT = 8126, 4318
"""Where tracers and OpenTelemetry's exporters send to by default."""
_BACKLOG = 128


class Taken(Exception):
    """A port cannot be listened at; the message says why, in one line."""


def listening(host: str, port: int, option: str) -> socket.socket:
    """A socket that listens; 0 is any port. Raises Taken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise Taken(f"--host {host!r} is no address of this machine: {error.strerror}") from error
    sock = socket.socket(family, kind, protocol)
    try:
        # A port whose last connections still linger is free.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise Taken(f"port {port} is taken, perhaps by an Agent: name another with {option}") from error
        raise Taken(f"cannot listen at {host} port {port}: {error.strerror}") from error
    return sock


def listening_for_otlp(host: str, port: int | None) -> socket.socket | None:
    """At the usual port only if nobody has it: the other takes OTLP as well."""
    if port is not None:
        return listening(host, port, "--otlp-port")
    try:
        return listening(host, OTLP_PORT, "--otlp-port")
    except Taken:
        return None
