"""PostgreSQL, with a role `postgres` that needs no password."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port

from .processes import answers, done, folder, found, process


@contextmanager
def postgresql() -> Iterator[str]:
    server = found("postgres", "/usr/lib/postgresql/*/bin")
    # A StartupMessage of protocol 3.0 for the user postgres; the answer begins with R where it is let in.
    hello = b"user\0postgres\0\0"
    hello = (len(hello) + 8).to_bytes(4, "big") + (3 << 16).to_bytes(4, "big") + hello
    with folder("postgres") as place:
        data, log = place / "data", place / "log"
        initdb = [server.with_name("initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-N", "--locale=C.UTF-8"]
        done([*initdb, "-E", "UTF8"], log, "postgres")
        port = free_port()
        command = [server, "-D", data, "-p", port, "-k", place, "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"]
        # SIGINT: without waiting for its clients.
        with process(command, log, user="postgres", end=signal.SIGINT) as started:
            answers(started, log, port, hello, lambda answer: answer.startswith(b"R"))
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
