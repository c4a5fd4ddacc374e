"""A guest of the scenarios of web frameworks: asks a server for a page, and starts one for a WSGI application.

Stands beside the program when it runs: `from guest import guest_of, serve`.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from io import StringIO
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass

    def get_stderr(self) -> Any:
        return StringIO()


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def serve(app: Any) -> Callable[..., int]:
    """Serves the WSGI application on a free port of its own thread, and returns who asks it."""
    server = make_server("127.0.0.1", 0, app, Threaded, Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return guest_of(server.server_port)


def guest_of(port: int) -> Callable[..., int]:
    """Asks the server on a port, each time on a new connection; returns the status."""

    def ask(path: str, method: str = "GET", body: str | None = None, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(method, path, body, headers={"User-Agent": "guest/1", **headers})
        with connection.getresponse() as answer:
            answer.read()
        connection.close()
        return answer.status

    return ask
