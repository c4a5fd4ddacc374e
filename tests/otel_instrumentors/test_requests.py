"""Requests, against a real HTTP server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY, attach, detach, get_current, set_value
from opentelemetry.trace import SpanKind

from otel_instrumentors.kernel.call import Call
from otel_instrumentors.requests import RequestsInstrumentor, send
from otel_instrumentors.semconv import headers
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.http_server import HttpServer


class TestRequestsContract(Contract):
    instrumentor = RequestsInstrumentor

    @staticmethod
    def use() -> Any:
        import requests

        with HttpServer() as server, requests.Session() as session:
            return session.get(f"{server.url}/path").text

    # Each use starts a server of its own: the threads of the last ones are still being forgotten.
    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        with HttpServer() as server:
            monkeypatch.setattr(type(self), "use", staticmethod(lambda: _get(server)))
            super().test_nothing_is_left_in_memory()


def _get(server: HttpServer) -> str:
    import requests

    server.seen.clear()
    with requests.Session() as session:
        return session.get(f"{server.url}/path").text


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(RequestsInstrumentor, recorder.provider):
        yield recorder


def test_a_request_is_a_client_span(recorder: Recorder, server: HttpServer) -> None:
    import requests

    requests.get(f"{server.url}/item/7?sig=abc&x=1", headers={"User-Agent": "test"}, timeout=60)

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


def test_the_called_side_reads_the_span_in_the_headers(recorder: Recorder, server: HttpServer) -> None:
    import requests

    requests.get(server.url, timeout=60)

    (span,) = recorder.take()
    headers = {name.lower(): value for name, value in server.seen[0][1].items()}
    assert headers["traceparent"].split("-")[1:3] == [
        f"{span.context.trace_id:032x}",
        f"{span.context.span_id:016x}",
    ]


def test_a_redirect_is_a_span_of_its_own_below_the_first(recorder: Recorder, server: HttpServer) -> None:
    import requests

    assert requests.get(f"{server.url}/moved", timeout=60).status_code == 200

    followed, first = recorder.take()
    assert followed.parent is not None
    assert followed.parent.span_id == first.context.span_id
    sent = [{name.lower(): value for name, value in headers.items()}["traceparent"] for _, headers in server.seen]
    assert [value.split("-")[2] for value in sent] == [
        f"{first.context.span_id:016x}",
        f"{followed.context.span_id:016x}",
    ]


@pytest.mark.parametrize(("status", "error"), [(200, None), (404, "404"), (500, "500")])
def test_for_a_client_4xx_and_5xx_are_failures(
    recorder: Recorder, server: HttpServer, status: int, error: str | None
) -> None:
    import requests

    requests.get(f"{server.url}/{status}", timeout=60)

    (span,) = recorder.take()
    assert dict(span.attributes or {}).get("error.type") == error
    assert span.status.is_unset == (error is None)


def test_a_refused_connection_is_recorded_and_raised(recorder: Recorder) -> None:
    import requests

    with pytest.raises(requests.ConnectionError):
        requests.get("http://user:secret@127.0.0.1:1/x", timeout=60)

    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == "requests.exceptions.ConnectionError"
    assert attributes["url.full"] == "http://REDACTED:REDACTED@127.0.0.1:1/x"
    assert "secret" not in span.to_json()


def test_a_request_that_a_layer_above_traces_is_silent(recorder: Recorder, server: HttpServer) -> None:
    import requests

    token = attach(set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True))
    try:
        requests.get(server.url, timeout=60)
    finally:
        detach(token)

    assert recorder.take() == []


def test_what_a_response_hook_sends_has_a_span_of_its_own(recorder: Recorder, server: HttpServer) -> None:
    import requests

    def again(response: Any, **_kwargs: Any) -> None:
        if not response.url.endswith("/token"):
            requests.get(f"{server.url}/token", timeout=60)

    requests.get(server.url, hooks={"response": again}, timeout=60)

    inner, outer = recorder.take()
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id


def test_the_clients_below_are_silent_while_the_adapter_sends_and_only_below_a_span(
    recorder: Recorder, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import http.client

    import requests

    silent: list[bool] = []
    send = http.client.HTTPConnection.endheaders

    def watched(*args: Any, **kwargs: Any) -> Any:
        silent.append(bool(get_current().get(_SUPPRESS_HTTP_INSTRUMENTATION_KEY)))
        return send(*args, **kwargs)

    monkeypatch.setattr(http.client.HTTPConnection, "endheaders", watched)
    with requests.Session() as session:
        session.get(server.url, timeout=60)
        request = requests.Request("GET", f"{server.url}/").prepare()
        session.get_adapter(server.url).send(request, timeout=60).close()

    assert silent == [True, False]
    assert len(recorder.take()) == 1


def test_odd_requests_are_described_as_far_as_they_go() -> None:
    import requests

    request = requests.Request("BREW", "http://[::1]:8080/pot?x", headers={"User-Agent": b"bytes"}).prepare()
    spec = send(Call(None, (request,), {}))
    assert spec.name == "HTTP"
    assert dict(spec.attributes or {}) == {
        "http.request.method": "_OTHER",
        "http.request.method_original": "BREW",
        "url.full": "http://[::1]:8080/pot?x",
        "server.address": "::1",
        "server.port": 8080,
        "user_agent.original": "bytes",
    }


def test_headers_that_are_asked_for_are_on_the_span(
    recorder: Recorder, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    monkeypatch.setenv(headers.VARIABLES + "CLIENT_REQUEST", "x-tea,authorization,traceparent")
    monkeypatch.setenv(headers.VARIABLES + "CLIENT_RESPONSE", "content-.*")
    headers.captured.cache_clear()
    try:
        requests.get(server.url, headers={"X-Tea": "black"}, timeout=60)
    finally:
        headers.captured.cache_clear()

    (span,) = recorder.take()
    captured = {key: value for key, value in (span.attributes or {}).items() if ".header." in key}
    assert captured == {"http.request.header.x-tea": ("black",), "http.response.header.content-length": ("2",)}


def test_without_propagation_the_called_side_gets_no_headers(server: HttpServer) -> None:
    import requests

    recorder = Recorder()
    with instrumented(RequestsInstrumentor, recorder.provider, propagate=False):
        requests.get(server.url, timeout=60)

    assert len(recorder.take()) == 1
    assert "traceparent" not in {name.lower() for name in server.seen[0][1]}
