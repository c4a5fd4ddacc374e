"""MongoDB's protocol, spoken by mongo-java-server, in memory.

Transactions are taken and not atomic; change streams and unacknowledged writes (w=0) are not there.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port

from .maven import java
from .processes import PROGRAMS, answers, folder, process


def _hello() -> bytes:
    """An OP_MSG with the command {hello: 1, $db: "admin"}."""
    body = b"\x10hello\0\1\0\0\0\2$db\0\6\0\0\0admin\0\0"
    section = b"\0" + (len(body) + 4).to_bytes(4, "little") + body
    header = [16 + 4 + len(section), 1, 0, 2013]
    return b"".join(number.to_bytes(4, "little") for number in (*header, 0)) + section


@contextmanager
def mongodb() -> Iterator[str]:
    with folder() as place:
        port, log = free_port(), place / "log"
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        command = [*java("mongodb", quiet, heap="128m"), PROGRAMS / "EmbeddedMongo.java", port]
        with process(command, log, end=signal.SIGKILL, cwd=place) as started:
            answers(started, log, port, _hello(), lambda answer: b"isWritablePrimary" in answer)
            yield f"mongodb://127.0.0.1:{port}"
