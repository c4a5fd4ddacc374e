"""Schema v1 of the names of spans, and a service with capital letters: a request to oneself, a command of Redis."""

from __future__ import annotations

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis
import urllib3
from steps import step

SERVERS = ("redis_server",)
SETTINGS = {
    "DD_SERVICE": "Teahouse",
    "DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1",
    "DD_TRACE_URLLIB3_ENABLED": "true",
}


class Backend(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Is silent."""


backend = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
threading.Thread(target=backend.serve_forever, daemon=True).start()

with step("a request"):
    urllib3.PoolManager().request("GET", f"http://127.0.0.1:{backend.server_port}/tea")

client = redis.Redis.from_url(os.environ["TEST_REDIS_URL"])
with step("a command"):
    client.set("tea", "green")

with step("a pipeline"):
    client.pipeline(transaction=False).set("tea", "black").get("tea").execute()

backend.shutdown()
