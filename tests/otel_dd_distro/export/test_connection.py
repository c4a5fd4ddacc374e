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


def test_where_no_thread_can_look_a_name_up_each_of_its_addresses_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_starts(*_: object, **__: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(socket, "create_connection", none_starts)
    monkeypatch.setattr(socket, "getaddrinfo", none_starts)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
        monkeypatch.setattr("_socket.getaddrinfo", lambda *_: found)
        connection, _ = connect(f"http://agent:{port}", 5)
        connection.connect()
        assert connection.sock.getpeername() == ("127.0.0.1", port)
        connection.close()
        monkeypatch.setattr("_socket.getaddrinfo", lambda *_: found[:1])
        with pytest.raises(ConnectionRefusedError):
            connection.connect()
