"""Real ASGI servers, each in a thread of the test's process, where its spans can be read."""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.ports import free_port

WAIT_S = 60.0


async def _uvicorn(application: Any, port: int, stopped: asyncio.Event) -> None:
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="critical"))
    serving = asyncio.create_task(server._serve([socket.create_server(("127.0.0.1", port))]))
    await stopped.wait()
    server.should_exit = True
    await serving


async def _hypercorn(application: Any, port: int, stopped: asyncio.Event) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.loglevel = "CRITICAL"
    await serve(application, config, shutdown_trigger=stopped.wait)  # type: ignore[arg-type]


async def _granian(application: Any, port: int, stopped: asyncio.Event) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    server = Server(application, port=port, interface=Interfaces.ASGI, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    await stopped.wait()
    server.stop()
    await serving


SERVERS: dict[str, Callable[[Any, int, asyncio.Event], Any]] = {
    "granian": _granian,
    "hypercorn": _hypercorn,
    "uvicorn": _uvicorn,
}


@contextmanager
def serving(name: str, application: Any) -> Iterator[int]:
    """The port of a server that serves the application meanwhile, its lifespan begun; ended on the way out."""
    port = free_port()
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            loop.run_until_complete(SERVERS[name](application, port, stopped))
            loop.run_until_complete(loop.shutdown_default_executor())
        except BaseException as error:  # noqa: BLE001
            failures.append(error)
        finally:
            loop.close()

    logging.getLogger("_granian").setLevel(logging.CRITICAL)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        _wait_for(port, thread)
        yield port
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(stopped.set)
        thread.join(WAIT_S)
        assert not thread.is_alive()
        assert failures == []


def _wait_for(port: int, thread: threading.Thread) -> None:
    last = time.monotonic() + WAIT_S
    while thread.is_alive() and time.monotonic() < last:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the server does not listen")


def ask(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def kept_requests(port: int, long: str, short: str) -> list[bytes]:
    """The bodies of four answers on one connection: of 200 kB posted to `long`, of `short` alone and two at once."""
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection, connection.makefile("rb") as answers:

        def answered() -> bytes:
            answers.readline()
            return answers.read(int(http.client.parse_headers(answers)["Content-Length"]))

        connection.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" % long.encode())
        connection.sendall(b"x" * 200_000)
        bodies = [answered()]
        get = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % short.encode()
        connection.sendall(get)
        bodies.append(answered())
        connection.sendall(get + get)
        return [*bodies, answered(), answered()]


def talk(port: int, path: str, *messages: str) -> list[str]:
    """What a WebSocket answers to these messages, one each."""
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{port}{path}", open_timeout=WAIT_S, close_timeout=WAIT_S) as connection:
        answers = []
        for message in messages:
            connection.send(message)
            answers.append(str(connection.recv(timeout=WAIT_S)))
        return answers


def refused(port: int, path: str) -> int:
    """The status with which a WebSocket is refused."""
    import pytest
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as error:
        talk(port, path)
    return error.value.response.status_code


def wait_for(condition: Callable[[], bool]) -> None:
    """For what a server does after its client has its answer."""
    last = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.01)
