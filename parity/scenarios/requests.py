"""Requests: calls, redirects, errors, headers that go out, secrets in URLs; DD_SERVICE and its like set."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from steps import saw, step

SETTINGS = {"DD_SERVICE": "Teahouse", "DD_ENV": "Prod", "DD_VERSION": "1.2.3", "DD_TAGS": "team:tea,region:eu"}

TRACING = ("x-datadog-", "traceparent", "baggage")


class Backend(BaseHTTPRequestHandler):
    """Answers with the status that the path ends in."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        last = self.path.partition("?")[0].rpartition("/")[2]
        self.server.headers = {key.lower(): text for key, text in self.headers.items()}
        if last == "slow":
            time.sleep(0.2)
        self.send_response(int(last) if last.isdigit() else 200)
        if last == "302":
            self.send_header("Location", "/done/200")
        self.send_header("Content-Length", "6")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"kettle")

    do_HEAD = do_POST = do_PUT = do_BREW = do_GET

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

with step("a call, and the headers that tell the next service"):
    requests.get(f"{URL}/tea/200")
    saw("headers", dict(sent(server.headers)))

with step("data is sent"):
    requests.post(f"{URL}/tea/201", json={"kind": "green"}, headers={"User-Agent": "shop/1"})

with step("a session, its parameters and its query"), requests.Session() as session:
    session.params = {"page": "1"}
    session.get(f"{URL}/tea", params={"sort": "price"})
    session.put(f"{URL}/tea/204")

with step("streamed"), requests.get(f"{URL}/tea/200", stream=True) as answer:
    assert b"".join(answer.iter_content(2)) == b"kettle"

with step("redirected"):
    requests.get(f"{URL}/tea/302")

with step("not followed"):
    requests.head(f"{URL}/tea/302")
    requests.get(f"{URL}/tea/302", allow_redirects=False)

with step("too slow", requests.Timeout):
    requests.get(f"{URL}/slow", timeout=0.05)

with step("not found"):
    requests.get(f"{URL}/tea/404")

with step("the other side fails", requests.HTTPError):
    requests.get(f"{URL}/tea/503").raise_for_status()

with step("nobody listens", requests.ConnectionError):
    requests.get("http://127.0.0.1:1/tea")

with step("no URL", requests.exceptions.MissingSchema):
    requests.get("teahouse/tea")

with step("secrets in the query"):
    requests.get(f"{URL}/tea/200?token=abc&kind=green&api_key=k1&password=hunter2")

with step("a user and a password"):
    requests.get(f"http://user:hunter2@{HOST}/tea/200?kind=green")

with step("an odd URL"):
    requests.get(f"{URL}/thé;v=1/b;c=2?q=é e#fünf")

with step("more kinds of secrets"):
    requests.get(f"{URL}/tea/200?q=bearer%20abcdef&jwt=eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl&kind=green")
    requests.get(f"{URL}/tea/200", auth=("user", "hunter2"), params={"Passwd": "hunter2"})

with step("a host in capitals"):
    requests.get(f"http://LOCALHOST:{server.server_port}/Tea/200")

with step("no path"):
    requests.get(URL)

with step("odd methods"):
    requests.request("geT", f"{URL}/tea/200")
    requests.request("BREW", f"{URL}/tea/200")
