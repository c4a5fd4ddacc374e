"""A stand-in for Vertica, which is not to be had: see programs/vertica.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port

from .processes import PROGRAMS, answers, folder, process

# May we speak TLS? N.
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


@contextmanager
def vertica() -> Iterator[str]:
    port = free_port()
    with folder() as place, process([sys.executable, PROGRAMS / "vertica.py", port], place / "log") as started:
        answers(started, place / "log", port, SSL_REQUEST, lambda answer: answer == b"N")
        yield f"vertica://dbadmin@127.0.0.1:{port}/test"
