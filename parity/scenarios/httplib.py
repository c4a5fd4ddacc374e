"""http.client: requests, also line by line and by urllib.request; statuses, errors, bodies, headers, secrets."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from steps import saw, step

SETTINGS = {"DD_TRACE_HTTPLIB_ENABLED": "true", "DD_TRACE_HEADER_TAGS": "x-tea:tea,content-type"}

TRACING = ("x-datadog-", "traceparent", "baggage")


class Backend(BaseHTTPRequestHandler):
    """Answers with the status that the path ends in."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        last = self.path.partition("?")[0].rpartition("/")[2]
        self.server.headers = {key.lower(): text for key, text in self.headers.items()}
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
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

    do_HEAD = do_POST = do_BREW = do_GET

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
connection = http.client.HTTPConnection(HOST)

with step("a call, and the headers that tell the next service"):
    connection.request("GET", "/tea/200")
    assert connection.getresponse().read() == b"kettle"
    saw("headers", dict(sent(server.headers)))

with step("data is sent, on the same connection"):
    connection.request("POST", "/tea/201", b"green", {"X-Tea": "green", "Content-Type": "text/tea"})
    connection.getresponse().read()

with step("line by line"):
    connection.putrequest("POST", "/tea/200?sort=price")
    connection.putheader("Content-Length", "5")
    connection.endheaders()
    connection.send(b"green")
    connection.getresponse().read()

with step("no body"):
    connection.request("HEAD", "/tea/200")
    connection.getresponse().read()

with step("not found"):
    connection.request("GET", "/tea/404")
    connection.getresponse().read()

with step("the other side fails"):
    connection.request("GET", "/tea/503")
    connection.getresponse().read()

with step("a body that breaks off", http.client.IncompleteRead):
    connection.request("GET", "/short")
    connection.getresponse().read()

with step("an odd method"):
    connection.request("BREW", "/tea/200")
    connection.getresponse().read()

with step("secrets in the query"):
    connection.request("GET", "/tea/200?token=abc&kind=green&api_key=k1&password=hunter2")
    connection.getresponse().read()

with step("nobody listens", ConnectionRefusedError):
    http.client.HTTPConnection("127.0.0.1", 1).request("GET", "/tea")

with step("a path that is none", http.client.InvalidURL):
    http.client.HTTPConnection(HOST).request("GET", "/two words")

with step("urllib"), urllib.request.urlopen(f"{URL}/tea/200?kind=green") as answer:
    assert answer.read() == b"kettle"

with step("urllib, a user agent"):
    request = urllib.request.Request(f"{URL}/tea/200", headers={"User-Agent": "shop/1"})
    with urllib.request.urlopen(request) as answer:
        answer.read()

with step("urllib, redirected"), urllib.request.urlopen(f"{URL}/tea/302") as answer:
    answer.read()

with step("urllib, not found", urllib.error.HTTPError):
    urllib.request.urlopen(f"{URL}/tea/404")

with step("urllib, nobody listens", urllib.error.URLError):
    urllib.request.urlopen("http://127.0.0.1:1/tea")

with step("by a proxy"):
    connection.request("GET", "http://tea.example:8080/tea/200?kind=green")
    connection.getresponse().read()

with step("by a tunnel"):
    tunnel = http.client.HTTPConnection(HOST)
    tunnel.set_tunnel("tea.example", 8080)
    tunnel.request("GET", "/tea/200?kind=green")
    tunnel.getresponse().read()
