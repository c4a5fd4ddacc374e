"""The server: its sockets, and what it says when it is up."""

from __future__ import annotations

import asyncio
import io
import socket
import sys
from argparse import Namespace
from contextlib import ExitStack, suppress

import uvicorn
from opentelemetry.instrumentation.utils import suppress_instrumentation
from starlette.types import ASGIApp, Receive, Scope, Send

from .application import application
from .listening import PORT, listening, listening_for_otlp
from .store import Store
from .stream import Stream
from .terminal import Terminal


class _Server(uvicorn.Server):
    """Ends the pages' streams when it is to end: they would end last."""

    def __init__(self, config: uvicorn.Config, stream: Stream) -> None:
        super().__init__(config)
        self._stream = stream

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stream.close()
        await super().shutdown(sockets)


def untraced(app: ASGIApp) -> ASGIApp:
    """The application without spans for its requests, wherever it is started: they would be sent to it, and make more.

    For each request: what is suppressed where the server is started is not suppressed in its requests.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress_instrumentation():
            await app(scope, receive, send)

    return serve


def serve(options: Namespace) -> None:
    """Serve until a signal comes. Raises Taken, and KeyboardInterrupt after Ctrl-C."""
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="replace")
    store = Store(options.traces, options.megabytes * 2**20)
    stream = Stream(store)
    with ExitStack() as held:
        main = held.enter_context(listening(options.host, options.port, "--port"))
        otlp = listening_for_otlp(options.host, options.otlp_port)
        sockets = [main, *([held.enter_context(otlp)] if otlp else [])]
        _tell(options, sockets)
        config = uvicorn.Config(
            untraced(application(store, stream)),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=2,
        )
        asyncio.run(_serve(_Server(config, stream), sockets, Terminal(store, sys.stdout) if options.terminal else None))


async def _serve(server: _Server, sockets: list[socket.socket], terminal: Terminal | None) -> None:
    printing = asyncio.create_task(terminal.run()) if terminal else None
    try:
        await server.serve(sockets)
    finally:
        if printing:
            printing.cancel()
            with suppress(asyncio.CancelledError):
                await printing


def _tell(options: Namespace, sockets: list[socket.socket]) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    urls = [f"http://{host}:{sock.getsockname()[1]}" for sock in sockets]
    print(f"The page: {urls[0]}/")
    if urls[0] != f"http://127.0.0.1:{PORT}":
        print(f"Tracers:  DD_TRACE_AGENT_URL={urls[0]}")
    print(f"OTLP:     OTEL_EXPORTER_OTLP_ENDPOINT={urls[-1]} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
    print(f"The last {options.traces} traces are kept, at most {options.megabytes} MiB. Ctrl-C ends it.", flush=True)
