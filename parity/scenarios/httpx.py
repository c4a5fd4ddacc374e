"""HTTPX: calls by clients of both kinds, redirects, errors, headers that go out, secrets; with DD_SERVICE."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from steps import saw, step

SETTINGS = {"DD_SERVICE": "Teahouse", "DD_ENV": "Prod", "DD_VERSION": "1.2.3", "DD_TAGS": "team:tea,region:eu"}

TRACING = ("x-datadog-", "traceparent", "baggage")


class Backend(BaseHTTPRequestHandler):
    """Answers with the status that the path ends in."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
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


client = httpx.Client(trust_env=False, follow_redirects=True)


async def asynchronous() -> None:
    async with httpx.AsyncClient(trust_env=False) as other:
        with step("asynchronous"):
            await other.get(f"{URL}/tea/200")
        with step("asynchronous: not found"):
            await other.get(f"{URL}/tea/404")
        with step("asynchronous: nobody listens", httpx.ConnectError):
            await other.get("http://127.0.0.1:1/tea")
        with step("asynchronous: several at once"):
            await asyncio.gather(*(other.get(f"{URL}/tea/{status}") for status in (200, 201)))


with step("a call, and the headers that tell the next service"):
    client.get(f"{URL}/tea/200")
    saw("headers", dict(sent(server.headers)))

with step("data is sent"):
    client.post(f"{URL}/tea/201", json={"kind": "green"}, headers={"User-Agent": "shop/1"})

with step("parameters and a query"):
    client.get(f"{URL}/tea", params={"sort": "price"})

with step("streamed"), client.stream("GET", f"{URL}/tea/200") as answer:
    assert b"".join(answer.iter_bytes()) == b"kettle"

with step("redirected"):
    client.get(f"{URL}/tea/302")

with step("not followed"):
    client.get(f"{URL}/tea/302", follow_redirects=False)

with step("too slow", httpx.TimeoutException):
    client.get(f"{URL}/slow", timeout=0.05)

with step("not found"):
    client.get(f"{URL}/tea/404")

with step("the other side fails", httpx.HTTPStatusError):
    client.get(f"{URL}/tea/503").raise_for_status()

with step("nobody listens", httpx.ConnectError):
    client.get("http://127.0.0.1:1/tea")

with step("secrets in the query"):
    client.get(f"{URL}/tea/200?token=abc&kind=green&api_key=k1&password=hunter2")

with step("a user and a password"):
    client.get(f"http://user:hunter2@{HOST}/tea/200?kind=green")

with step("an odd URL"):
    client.get(f"{URL}/thé;v=1/b;c=2?q=é#fünf")

with step("no path"):
    client.get(URL)

with step("odd methods"):
    client.request("geT", f"{URL}/tea/200")
    client.request("BREW", f"{URL}/tea/200")

asyncio.run(asynchronous())
client.close()
