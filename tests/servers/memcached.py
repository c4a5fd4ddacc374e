"""Memcached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port

from .processes import answers, folder, found, process


@contextmanager
def memcached() -> Iterator[str]:
    server, port = found("memcached"), free_port()
    command = [server, "-l", "127.0.0.1", "-p", port, "-U", "0"]
    with folder() as place, process(command, place / "log", user="nobody") as started:
        answers(started, place / "log", port, b"version\r\n", lambda answer: answer.startswith(b"VERSION"))
        yield f"memcached://127.0.0.1:{port}"
