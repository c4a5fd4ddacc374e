"""urllib3: pools, redirects, retries, errors, headers that go out, secrets; with DD_SERVICE."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3
from steps import saw, step

SETTINGS = {
    "DD_TRACE_URLLIB3_ENABLED": "true",
    "DD_SERVICE": "Teahouse",
    "DD_ENV": "Prod",
    "DD_VERSION": "1.2.3",
    "DD_TAGS": "team:tea,region:eu",
}

TRACING = ("x-datadog-", "traceparent", "baggage")


class Backend(BaseHTTPRequestHandler):
    """Answers with the status that the path ends in."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        last = self.path.partition("?")[0].rpartition("/")[2]
        if last == "later":
            self.server.refused = not getattr(self.server, "refused", False)
            last = "503" if self.server.refused else "200"
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

manager = urllib3.PoolManager()

with step("a call, and the headers that tell the next service"):
    manager.request("GET", f"{URL}/tea/200")
    saw("headers", dict(sent(server.headers)))

with step("data is sent"):
    manager.request("POST", f"{URL}/tea/201", body=b"green", headers={"User-Agent": "shop/1"})

with step("parameters and a query"):
    manager.request("GET", f"{URL}/tea", fields={"sort": "price"})

with step("streamed"):
    answer = manager.request("GET", f"{URL}/tea/200", preload_content=False)
    assert b"".join(answer.stream()) == b"kettle"
    answer.release_conn()

with step("redirected"):
    manager.request("GET", f"{URL}/tea/302")

with step("not followed"):
    manager.request("GET", f"{URL}/tea/302", redirect=False)

with step("too slow", urllib3.exceptions.MaxRetryError):
    manager.request("GET", f"{URL}/slow", timeout=0.05, retries=0)

with step("not found"):
    manager.request("GET", f"{URL}/tea/404")

with step("the other side fails"):
    manager.request("GET", f"{URL}/tea/503")

with step("nobody listens", urllib3.exceptions.NewConnectionError):
    manager.request("GET", "http://127.0.0.1:1/tea", retries=False)

with step("nobody listens, tried three times", urllib3.exceptions.MaxRetryError):
    manager.request("GET", "http://127.0.0.1:1/tea", retries=2)

with step("tried again, and answered"):
    retries = urllib3.Retry(total=3, status_forcelist=[503], backoff_factor=0)
    assert manager.request("GET", f"{URL}/later", retries=retries).status == 200

with step("secrets in the query"):
    manager.request("GET", f"{URL}/tea/200?token=abc&kind=green&api_key=k1&password=hunter2")

with step("a user and a password"):
    manager.request("GET", f"http://user:hunter2@{HOST}/tea/200?kind=green")

with step("an odd URL"):
    manager.request("GET", f"{URL}/thé;v=1/b;c=2?q=é#fünf")

with step("no path"):
    manager.request("GET", URL)

with step("odd methods"):
    manager.request("geT", f"{URL}/tea/200")
    manager.request("BREW", f"{URL}/tea/200")

with step("a pool of its own"), urllib3.HTTPConnectionPool("127.0.0.1", server.server_port) as pool:
    pool.request("GET", "/tea/200?kind=green")
    pool.urlopen("PUT", f"{URL}/tea/200", b"green", {"X-Tea": "green"})

with step("a pool that redirects"), urllib3.HTTPConnectionPool("127.0.0.1", server.server_port) as pool:
    pool.request("GET", "/tea/302")

with step("by a proxy"), urllib3.ProxyManager(URL) as proxy:
    proxy.request("GET", "http://tea.example:8080/tea/200?kind=green")

manager.clear()
