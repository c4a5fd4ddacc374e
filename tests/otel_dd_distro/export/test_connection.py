"""Connections to the Agent."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from otel_dd_distro.export.connection import connect


@pytest.fixture
def signals() -> Iterator[list[int]]:
    """Those that the process is sent by a write into the void, as a host that does not ignore them sees them."""
    got: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        got.append(number)

    before = signal.signal(signal.SIGPIPE, note)
    yield got
    signal.signal(signal.SIGPIPE, before)


def test_an_agent_that_has_gone_sends_the_process_no_signal(tmp_path: Path, signals: list[int]) -> None:
    path = tmp_path / "apm.socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        connection, _ = connect(f"unix://{path}", 5)
        connection.connect()
        listening.accept()[0].close()
    with pytest.raises(BrokenPipeError):
        connection.request("PUT", "/v0.4/traces", b"tea")
    connection.close()
    assert signals == []
