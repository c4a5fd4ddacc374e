"""urllib3, against a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.httplib import HttplibInstrumentor
from otel_instrumentors.kernel.call import Call
from otel_instrumentors.requests import RequestsInstrumentor
from otel_instrumentors.urllib3 import Urllib3Instrumentor, send
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((path, self.headers.items(), body))  # type: ignore[attr-defined]
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/here")
        elif path == "/later":
            self.send_response(503 if len(self.server.seen) == 1 else 200)  # type: ignore[attr-defined]
        else:
            self.send_response(int(path[1:]) if path[1:].isdecimal() else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


class _Server:
    """A server on a free loopback port, and what it has seen."""

    def __enter__(self) -> _Server:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self.seen: list[tuple[str, list[tuple[str, str]], bytes]] = []
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

    def told(self, name: str = "traceparent") -> list[list[str]]:
        """The values of a header, request by request."""
        return [[value for key, value in headers if key.lower() == name] for _, headers, _ in self.seen]


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        yield server


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(Urllib3Instrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def manager() -> Iterator[Any]:
    import urllib3

    with urllib3.PoolManager() as manager:
        yield manager


def _get(server: _Server) -> bytes:
    import urllib3

    server.seen.clear()
    with urllib3.PoolManager() as manager:
        return bytes(manager.request("GET", f"{server.url}/path").data)


def told(spans: list[ReadableSpan]) -> list[str]:
    return [f"{span.context.span_id:016x}" for span in spans]


class TestUrllib3Contract(Contract):
    instrumentor = Urllib3Instrumentor

    @staticmethod
    def use() -> Any:
        with _Server() as server:
            return _get(server)

    # Each use starts a server of its own: the threads of the last ones are still being forgotten.
    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        with _Server() as server:
            monkeypatch.setattr(type(self), "use", staticmethod(lambda: _get(server)))
            super().test_nothing_is_left_in_memory()


def test_a_request_is_a_client_span(recorder: Recorder, server: _Server, manager: Any) -> None:
    manager.request("GET", f"{server.url}/item/7?sig=abc&x=1#part", headers={"User-Agent": "test"})

    (span,) = recorder.take()
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.full": f"{server.url}/item/7?sig=REDACTED&x=1",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "user_agent.original": "test",
        "http.response.status_code": 200,
        "http.response.reason_phrase": "OK",
    }


def test_a_request_that_is_tried_again_has_a_span_for_each_try(
    recorder: Recorder, server: _Server, manager: Any
) -> None:
    import urllib3

    retries = urllib3.Retry(total=3, status_forcelist=[503], backoff_factor=0)
    answer = manager.request("POST", f"{server.url}/201", body=b"green", retries=retries)
    assert answer.status == 201
    assert [dict(span.attributes or {})["urllib3.retries_remaining"] for span in recorder.take()] == [3]
    server.seen.clear()

    assert manager.request("GET", f"{server.url}/later", retries=retries).status == 200
    second, first = recorder.take()
    assert second.parent is not None
    assert second.parent.span_id == first.context.span_id
    assert [dict(span.attributes or {})["urllib3.retries_remaining"] for span in (first, second)] == [3, 2]
    assert [value.split("-")[2] for (value,) in server.told()] == told([first, second])


def test_a_redirect_is_a_request_of_its_own(recorder: Recorder, server: _Server, manager: Any) -> None:
    import urllib3

    assert manager.request("GET", f"{server.url}/moved").status == 200
    first, followed = recorder.take()
    assert (first.parent, followed.parent) == (None, None)
    assert [value.split("-")[2] for (value,) in server.told()] == told([first, followed])
    server.seen.clear()

    with urllib3.HTTPConnectionPool("127.0.0.1", server.port) as pool:
        assert pool.request("GET", "/moved").status == 200
    followed, first = recorder.take()
    assert followed.parent is not None
    assert followed.parent.span_id == first.context.span_id
    assert [value.split("-")[2] for (value,) in server.told()] == told([first, followed])


@pytest.mark.parametrize(("status", "error"), [(200, None), (404, "404"), (500, "500")])
def test_for_a_client_4xx_and_5xx_are_failures(
    recorder: Recorder, server: _Server, manager: Any, status: int, error: str | None
) -> None:
    manager.request("GET", f"{server.url}/{status}")

    (span,) = recorder.take()
    assert dict(span.attributes or {}).get("error.type") == error
    assert span.status.is_unset == (error is None)


def test_a_refused_connection_is_recorded_and_raised(recorder: Recorder, manager: Any) -> None:
    import urllib3

    with pytest.raises(urllib3.exceptions.NewConnectionError):
        manager.request("GET", "http://user:secret@127.0.0.1:1/x", retries=False)

    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == "urllib3.exceptions.NewConnectionError"
    assert attributes["url.full"] == "http://127.0.0.1:1/x"
    assert "secret" not in span.to_json()


def test_headers_of_the_application_stay_as_they_are(recorder: Recorder, server: _Server) -> None:
    import urllib3

    tea = {"X-Tea": "green"}
    with urllib3.HTTPConnectionPool("127.0.0.1", server.port, headers=tea) as pool:
        pool.urlopen("GET", "/of-the-pool")
        pool.urlopen("POST", "/by-name", body=b"hot", headers=tea)
        pool.urlopen("POST", "/by-position", b"hot", tea, False)
        assert pool.headers is tea

    assert tea == {"X-Tea": "green"}
    assert [(path, body) for path, _, body in server.seen] == [
        ("/of-the-pool", b""),
        ("/by-name", b"hot"),
        ("/by-position", b"hot"),
    ]
    assert server.told("x-tea") == [["green"]] * 3
    assert [value.split("-")[2] for (value,) in server.told()] == told(recorder.take())


def test_headers_of_several_values_arrive_as_several(recorder: Recorder, server: _Server, manager: Any) -> None:
    from urllib3._collections import HTTPHeaderDict

    headers = HTTPHeaderDict()
    headers.add("X-Tea", "green")
    headers.add("X-Tea", "black")
    manager.request("GET", server.url, headers=headers)
    told_without_us = server.told("x-tea")
    assert told_without_us in ([["green", "black"]], [["green, black"]])
    Urllib3Instrumentor().uninstrument()
    server.seen.clear()
    manager.request("GET", server.url, headers=headers)
    assert server.told("x-tea") == told_without_us


def test_a_context_that_was_handed_on_is_replaced_whatever_case_it_is_written_in(
    recorder: Recorder, server: _Server, manager: Any
) -> None:
    manager.request("GET", server.url, headers={"Traceparent": "00-1-2-01", "TRACEPARENT": "00-3-4-01"})

    (span,) = recorder.take()
    assert [value.split("-")[2] for (value,) in server.told()] == told([span])


def test_the_span_of_a_streamed_response_ends_with_its_headers(
    recorder: Recorder, server: _Server, manager: Any
) -> None:
    response = manager.request("GET", server.url, preload_content=False)
    assert [span.name for span in recorder.take()] == ["GET"]
    assert b"".join(response.stream()) == b"ok"
    response.release_conn()


def test_below_a_layer_that_is_traced_it_is_silent(recorder: Recorder, server: _Server, manager: Any) -> None:
    token = attach(set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True))
    try:
        manager.request("GET", server.url)
    finally:
        detach(token)
    assert recorder.take() == []
    assert server.told() == [[]]


def test_below_requests_it_is_silent_and_above_http_client_the_only_one(
    recorder: Recorder, server: _Server, manager: Any
) -> None:
    import requests

    with (
        instrumented(HttplibInstrumentor, recorder.provider),
        instrumented(RequestsInstrumentor, recorder.provider),
    ):
        requests.get(server.url, timeout=60)
        manager.request("GET", server.url)
    spans = recorder.take()
    scopes = [span.instrumentation_scope.name for span in spans if span.instrumentation_scope]
    assert scopes == ["otel_instrumentors.requests", "otel_instrumentors.urllib3"]
    assert [value.split("-")[2] for (value,) in server.told()] == told(spans)


def test_what_a_library_that_is_not_traced_asks_by_name_is_a_request(recorder: Recorder, server: _Server) -> None:
    import requests

    requests.post(f"{server.url}/201", data=b"green", headers={"X-Tea": "green"}, timeout=60)

    (span,) = recorder.take()
    assert (span.name, dict(span.attributes or {})["url.full"]) == ("POST", f"{server.url}/201")
    assert (server.told("x-tea"), server.seen[0][2]) == ([["green"]], b"green")
    assert [value.split("-")[2] for (value,) in server.told()] == told([span])


@pytest.mark.parametrize(
    ("scheme", "host", "port", "target", "url"),
    [
        ("http", "tea", 80, "/x?y=1", "http://tea/x?y=1"),
        ("https", "tea", 443, "/x", "https://tea/x"),
        ("https", "tea", 80, "/x", "https://tea:80/x"),
        ("http", "tea", None, "/x", "http://tea/x"),
        ("http", "::1", 8080, "/x", "http://[::1]:8080/x"),
        ("http", "[::1]", 8080, "/x", "http://[::1]:8080/x"),
        ("http", "tea:8080", None, "/x", "http://tea:8080/x"),
        ("http", "proxy", 3128, "http://tea/x#part", "http://tea/x"),
    ],
)
def test_the_url_is_that_of_the_pools_server_or_the_one_that_a_proxy_is_asked_for(
    scheme: str, host: str, port: int | None, target: str, url: str
) -> None:
    pool = SimpleNamespace(scheme=scheme, host=host, port=port, headers={})
    spec = send(Call(pool, ("GET", target), {}))
    assert (spec.attributes or {})["url.full"] == url


@pytest.mark.parametrize(("retries", "left"), [(None, None), (False, None), (2, None)])
def test_how_many_tries_are_left_is_told_where_the_call_has_a_count_of_them(retries: Any, left: Any) -> None:
    pool = SimpleNamespace(scheme="http", host="tea", port=80, headers={})
    spec = send(Call(pool, ("GET", "/"), {"retries": retries}))
    assert (spec.attributes or {}).get("urllib3.retries_remaining") == left
