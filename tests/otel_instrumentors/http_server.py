"""A small HTTP server, for the tests of HTTP clients."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.seen.append((path, dict(self.headers)))  # type: ignore[attr-defined]
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/here")
        else:
            self.send_response(int(path[1:]) if path[1:].isdecimal() else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


class HttpServer:
    """A server on a free loopback port, and what it has seen."""

    def __enter__(self) -> HttpServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self._server.seen = self.seen  # type: ignore[attr-defined]
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
