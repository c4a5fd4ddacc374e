"""The HTTP server that the scenarios of HTTP clients ask, and what of a request's headers propagates a trace.

Stands beside the program when it runs: `from backend import HOST, URL, sent, server`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TRACING = ("x-datadog-", "traceparent", "baggage")


class Backend(BaseHTTPRequestHandler):
    """Answers with the status that the path ends in."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        last = self.path.partition("?")[0].rpartition("/")[2]
        self.server.headers = {key.lower(): text for key, text in self.headers.items()}
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if last == "slow":
            time.sleep(0.2)
        self.send_response(int(last) if last.isdigit() else 200)
        if last == "302":
            self.send_header("Location", "/done/200")
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "100" if last == "short" else "6")
        if last == "short":
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"kettle")

    do_HEAD = do_POST = do_PUT = do_BREW = do_GET

    def do_CONNECT(self) -> None:
        """A proxy that is the server behind it as well."""
        self.close_connection = False
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def sent(headers: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The headers that propagate a trace. The members of lists one by one: their order means nothing."""
    for header, text in headers.items():
        if header == "tracestate":
            for member, _, value in (part.partition("=") for part in text.split(",")):
                for key, _, each in (part.partition(":") for part in value.split(";")):
                    yield f"tracestate {member} {key}", each
        elif header == "x-datadog-tags":
            for key, _, value in (part.partition("=") for part in text.split(",")):
                yield f"x-datadog-tags {key}", value
        elif header.startswith(TRACING):
            yield header, text


server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
threading.Thread(target=server.serve_forever, daemon=True).start()
HOST = f"127.0.0.1:{server.server_port}"
URL = f"http://{HOST}"
