"""HTTPX, its clients of both kinds, against a real HTTP server."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.trace import SpanKind, get_current_span

from otel_instrumentors.httpx import HttpxInstrumentor
from otel_instrumentors.kernel import safety
from tests.otel_instrumentors import httpx_clients
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, said_by_us
from tests.otel_instrumentors.http_server import HttpServer
from tests.otel_instrumentors.httpx_clients import WAYS, both_ways, sent

ask = functools.partial(httpx_clients.ask, "httpx")


class TestHttpxContract(Contract):
    instrumentor = HttpxInstrumentor

    @staticmethod
    def use() -> Any:
        with HttpServer() as server:
            return both_ways("httpx", server)

    # Each use starts a server of its own: the threads of the last ones are still being forgotten.
    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        with HttpServer() as server:
            monkeypatch.setattr(type(self), "use", staticmethod(lambda: both_ways("httpx", server)))
            super().test_nothing_is_left_in_memory()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(HttpxInstrumentor, recorder.provider):
        yield recorder


@pytest.mark.parametrize("way", WAYS)
def test_a_request_is_a_client_span(recorder: Recorder, server: HttpServer, way: str) -> None:
    ask(way, f"{server.url}/item/7?sig=abc&x=1#part", headers={"User-Agent": "test"})

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
    assert sent(server) == [f"{span.context.span_id:016x}"]


@pytest.mark.parametrize("way", WAYS)
def test_a_redirect_that_is_followed_is_part_of_the_request(recorder: Recorder, server: HttpServer, way: str) -> None:
    assert ask(way, f"{server.url}/moved").status_code == 200

    (span,) = recorder.take()
    assert dict(span.attributes or {})["http.response.status_code"] == 200
    assert sent(server) == [f"{span.context.span_id:016x}"] * 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("status", "error"), [(200, None), (404, "404"), (500, "500")])
def test_for_a_client_4xx_and_5xx_are_failures(
    recorder: Recorder, server: HttpServer, way: str, status: int, error: str | None
) -> None:
    ask(way, f"{server.url}/{status}")

    (span,) = recorder.take()
    assert dict(span.attributes or {}).get("error.type") == error
    assert span.status.is_unset == (error is None)


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_connection_is_recorded_and_raised(recorder: Recorder, way: str) -> None:
    import httpx

    with pytest.raises(httpx.ConnectError):
        ask(way, "http://user:secret@127.0.0.1:1/x")

    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == "httpx.ConnectError"
    assert attributes["url.full"] == "http://REDACTED:REDACTED@127.0.0.1:1/x"
    assert "secret" not in span.to_json()


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_an_event_hook_raises_is_told_and_not_one_to_what_the_hook_asks_itself(
    recorder: Recorder, server: HttpServer, way: str
) -> None:
    import httpx

    def refuse(response: Any) -> None:
        if response.request.url.path == "/500":
            httpx.get(f"{server.url}/401", trust_env=False).raise_for_status()
        response.raise_for_status()

    async def refuse_later(response: Any) -> None:
        refuse(response)

    async def asked_later(path: str) -> None:
        async with httpx.AsyncClient(trust_env=False, event_hooks={"response": [refuse_later]}) as client:
            await client.get(f"{server.url}{path}")

    def asked(path: str) -> None:
        with httpx.Client(trust_env=False, event_hooks={"response": [refuse]}) as client:
            client.get(f"{server.url}{path}")

    for path in ("/404", "/500"):
        with pytest.raises(httpx.HTTPStatusError):
            asyncio.run(asked_later(path)) if way == "async" else asked(path)

    told = [
        (attributes["url.full"], attributes.get("http.response.status_code"), attributes["error.type"])
        for attributes in (dict(span.attributes or {}) for span in recorder.take())
    ]
    raised = "httpx.HTTPStatusError"
    assert told == [
        (f"{server.url}/404", 404, raised),
        (f"{server.url}/401", 401, "401"),
        (f"{server.url}/500", None, raised),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_all_that_a_way_to_prove_who_asks_sends_is_one_span(recorder: Recorder, server: HttpServer, way: str) -> None:
    import httpx

    class Token(httpx.Auth):
        def auth_flow(self, request: Any) -> Any:
            answer = yield httpx.Request("GET", f"{server.url}/token")
            request.headers["authorization"] = answer.headers["content-length"]
            yield request

    ask(way, f"{server.url}/item", auth=Token())
    (span,) = recorder.take()
    assert (span.attributes or {})["url.full"] == f"{server.url}/item"
    assert [path for path, _ in server.seen] == ["/token", "/item"]
    assert server.seen[1][1]["authorization"] == "2"
    assert server.seen[1][1]["traceparent"].split("-")[2] == f"{span.context.span_id:016x}"


@pytest.mark.parametrize("way", WAYS)
def test_a_transport_of_the_applications_own_is_given_the_context_and_may_send_it_twice(
    recorder: Recorder, server: HttpServer, way: str
) -> None:
    import httpx

    class Again(httpx.HTTPTransport):
        def handle_request(self, request: Any) -> Any:
            super().handle_request(request).read()
            return super().handle_request(request)

    class AgainLater(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: Any) -> Any:
            await (await super().handle_async_request(request)).aread()
            return await super().handle_async_request(request)

    async def asked() -> None:
        async with httpx.AsyncClient(transport=AgainLater()) as client:
            await client.get(server.url)

    if way == "async":
        asyncio.run(asked())
    else:
        with httpx.Client(transport=Again()) as client:
            client.get(server.url)
    (span,) = recorder.take()
    assert sent(server) == [f"{span.context.span_id:016x}"] * 2


def test_a_response_that_is_not_read_to_its_end_and_a_request_that_is_cancelled_have_a_span(
    recorder: Recorder, server: HttpServer
) -> None:
    import httpx

    with httpx.Client(trust_env=False) as client:
        with client.stream("GET", server.url) as response:
            assert next(response.iter_raw(1)) == b"o"
        assert client.get(server.url).text == "ok"

    waiting = asyncio.Event()

    class Never(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> Any:
            waiting.set()
            await asyncio.Event().wait()

    async def cancelled() -> None:
        async with httpx.AsyncClient(transport=Never()) as client:
            task = asyncio.create_task(client.get("http://shop.example/tea"))
            await waiting.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not get_current_span().get_span_context().is_valid

    asyncio.run(cancelled())
    spans = recorder.take()
    assert [(span.attributes or {}).get("http.response.status_code") for span in spans] == [200, 200, None]
    assert [span.parent for span in spans] == [None] * 3


def test_a_streamed_response_has_its_span_and_all_of_its_body(recorder: Recorder, server: HttpServer) -> None:
    import httpx

    with httpx.Client(trust_env=False) as client, client.stream("GET", server.url) as response:
        assert b"".join(response.iter_bytes()) == b"ok"

    async def streamed() -> bytes:
        async with httpx.AsyncClient(trust_env=False) as client, client.stream("GET", server.url) as response:
            return b"".join([part async for part in response.aiter_bytes()])

    assert asyncio.run(streamed()) == b"ok"
    assert [dict(span.attributes or {})["http.response.status_code"] for span in recorder.take()] == [200, 200]


@pytest.mark.parametrize("way", WAYS)
def test_what_the_caller_says_of_a_trace_is_replaced_and_its_other_headers_stay(
    recorder: Recorder, server: HttpServer, way: str
) -> None:
    ask(way, server.url, headers={"Tea": "green", "TraceParent": f"00-{'1' * 32}-{'2' * 16}-01"})
    (headers,) = [headers for _, headers in server.seen]
    assert [name.lower() for name in headers if name.lower() in ("traceparent", "tea")] == ["tea", "traceparent"]
    (span,) = recorder.take()
    assert sent(server) == [f"{span.context.span_id:016x}"]


def test_headers_that_have_an_encoding_of_their_own_keep_it(recorder: Recorder, server: HttpServer) -> None:
    import httpx

    with httpx.Client(trust_env=False) as client:
        request = client.build_request("GET", server.url)
        request.headers = httpx.Headers({**request.headers, "Tea": "grün"}, encoding="iso-8859-1")
        client.send(request)
    (span,) = recorder.take()
    assert sent(server) == [f"{span.context.span_id:016x}"]
    assert server.seen[0][1]["Tea"] == "grün"


def test_headers_that_an_event_hook_sets_may_hold_what_they_may_without_us(
    recorder: Recorder, server: HttpServer
) -> None:
    """HTTPX settles the encoding of headers when one of them is asked for by its name: ASCII, where that is enough."""
    import httpx

    def steep(request: Any) -> None:
        request.headers["Tea"] = "grün"

    with httpx.Client(trust_env=False, event_hooks={"request": [steep]}) as client:
        assert client.get(server.url).status_code == 200
    (span,) = recorder.take()
    assert sent(server) == [f"{span.context.span_id:016x}"]
    assert server.seen[0][1]["Tea"].encode("latin-1").decode() == "grün"


def test_requests_at_one_time_are_each_a_child_of_their_caller(recorder: Recorder, server: HttpServer) -> None:
    import httpx

    tracer = recorder.provider.get_tracer("app")

    async def asked(client: Any, number: int) -> None:
        with tracer.start_as_current_span(f"caller {number}"):
            await client.get(f"{server.url}/{number}")

    async def all_at_once() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            await asyncio.gather(*(asked(client, number) for number in range(200, 210)))

    asyncio.run(all_at_once())
    spans = recorder.take()
    callers = {span.context.span_id: span.name for span in spans if span.kind is SpanKind.INTERNAL}
    found = [
        (callers[span.parent.span_id], dict(span.attributes or {})["url.full"])
        for span in spans
        if span.kind is SpanKind.CLIENT and span.parent
    ]
    assert sorted(found) == [(f"caller {number}", f"{server.url}/{number}") for number in range(200, 210)]


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_a_layer_above_traces_is_silent(recorder: Recorder, server: HttpServer, way: str) -> None:
    token = attach(set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True))
    try:
        ask(way, server.url)
    finally:
        detach(token)

    assert recorder.take() == []


def test_one_client_alone_is_traced_where_that_is_asked_for(server: HttpServer) -> None:
    import httpx

    recorder = Recorder()
    with httpx.Client(trust_env=False) as one, httpx.Client(trust_env=False) as other:
        HttpxInstrumentor.instrument_client(one, tracer_provider=recorder.provider)
        try:
            other.get(server.url)
            assert recorder.take() == []
            one.get(server.url)
            assert [span.name for span in recorder.take()] == ["GET"]
        finally:
            HttpxInstrumentor.uninstrument_client(one)


def test_hooks_are_given_what_opentelemetrys_own_are_and_those_of_asynchronous_clients_are_awaited(
    server: HttpServer,
) -> None:
    called: list[Any] = []
    recorder = Recorder()

    def request_hook(span: Any, request: Any) -> None:
        method, url, headers, _stream, _extensions = request
        called.append((span.name, method, str(url), "host" in headers))

    def response_hook(span: Any, request: Any, response: Any) -> None:
        status, _headers, _stream, _extensions = response
        called.append((request.method, status, span.is_recording()))

    async def async_request_hook(span: Any, request: Any) -> None:
        await asyncio.sleep(0)
        request_hook(span, request)

    async def async_response_hook(span: Any, request: Any, response: Any) -> None:
        await asyncio.sleep(0)
        response_hook(span, request, response)

    expected = [("GET", b"GET", f"{server.url}/a", True), (b"GET", 200, True)]
    with instrumented(
        HttpxInstrumentor,
        recorder.provider,
        request_hook=request_hook,
        response_hook=response_hook,
        async_request_hook=async_request_hook,
        async_response_hook=async_response_hook,
    ):
        for way in WAYS:
            ask(way, f"{server.url}/a")
            assert called == expected
            called.clear()
    with instrumented(HttpxInstrumentor, recorder.provider, request_hook=request_hook, response_hook=response_hook):
        ask("async", f"{server.url}/a")
    assert called == expected


def test_a_hook_that_raises_when_it_is_awaited_changes_nothing(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    safety._last_said.clear()
    recorder = Recorder()

    async def broken(*_about: Any) -> None:
        await asyncio.sleep(0)
        raise ValueError("hook")

    with instrumented(HttpxInstrumentor, recorder.provider, async_request_hook=broken, async_response_hook=broken):
        assert ask("async", f"{server.url}/a").status_code == 200
    assert [span.name for span in recorder.take()] == ["GET"]
    assert [line for line in said_by_us(caplog) if "broken" in line]
