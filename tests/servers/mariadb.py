"""MariaDB, with a user `root` that needs no password, and a database `test`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port

from .processes import answers, done, folder, found, process


@contextmanager
def mariadb() -> Iterator[str]:
    server, install = found("mariadbd", "/usr/sbin"), found("mariadb-install-db", "/usr/bin")
    with folder("mysql") as place:
        data, log = place / "data", place / "log"
        # Without --skip-test-db: there is a database `test`.
        files = [f"--datadir={data}", f"--tmpdir={place}"]
        done([install, "--no-defaults", *files, "--auth-root-authentication-method=normal"], log, "mysql")
        port = free_port()
        command = [server, "--no-defaults", *files, f"--port={port}", "--bind-address=127.0.0.1"]
        command += [f"--socket={place / 'm.sock'}", f"--pid-file={place / 'm.pid'}"]
        with process(command, log, user="mysql") as started:
            # The server speaks first: a packet whose fifth byte is the protocol's version, 10.
            answers(started, log, port, b"", lambda answer: answer[4:5] == b"\x0a")
            yield f"mysql://root@127.0.0.1:{port}/test"
