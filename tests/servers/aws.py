"""The AWS API: moto's server, with S3, SQS and the others in memory."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

from .processes import Missing, answers, folder, process


@contextmanager
def aws() -> Iterator[str]:
    beside = Path(sys.executable).with_name("moto_server")
    server = beside if beside.exists() else shutil.which("moto_server")
    if not server:
        raise Missing(f"moto_server is missing: {sys.executable} -m pip install 'moto[server]'")
    port = free_port()
    command = [server, "-H", "127.0.0.1", "-p", port]
    with folder() as place, process(command, place / "log") as started:
        ask = b"GET /moto-api/ HTTP/1.0\r\n\r\n"
        answers(started, place / "log", port, ask, lambda answer: answer.startswith(b"HTTP/1."))
        yield f"http://127.0.0.1:{port}"
