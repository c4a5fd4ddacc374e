"""HTTPX2, its clients of both kinds, against real servers, and the OpenAI SDK above it."""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Any, ClassVar

import pytest
from opentelemetry.trace import SpanKind

from otel_instrumentors.httpx import HttpxInstrumentor
from otel_instrumentors.httpx2 import Httpx2Instrumentor
from tests.otel_instrumentors import httpx_clients
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.families.asgi_servers import serving
from tests.otel_instrumentors.http_server import HttpServer
from tests.otel_instrumentors.httpx_clients import WAYS, both_ways, sent, span_id

VERSION = tuple(map(int, version("httpx2").split(".")[:2]))
# OpenAI's SDK and the stand-in for HTTPX.
not_on_the_oldest = pytest.mark.skipif(VERSION == (2, 0), reason="of newer releases")
ask = functools.partial(httpx_clients.ask, "httpx2")


class TestHttpx2Contract(Contract):
    instrumentor = Httpx2Instrumentor

    @staticmethod
    def use() -> Any:
        with HttpServer() as server:
            return both_ways("httpx2", server)

    # Each use starts a server of its own: the threads of the last ones are still being forgotten.
    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        with HttpServer() as server:
            monkeypatch.setattr(type(self), "use", staticmethod(lambda: both_ways("httpx2", server)))
            super().test_nothing_is_left_in_memory()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(Httpx2Instrumentor, recorder.provider):
        yield recorder


def told(span: Any) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.mark.parametrize("way", WAYS)
def test_a_request_is_a_client_span(recorder: Recorder, server: HttpServer, way: str) -> None:
    ask(way, f"{server.url}/item/7?sig=abc&x=1#part", headers={"User-Agent": "test"})

    (span,) = recorder.take()
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert told(span) == {
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
def test_redirects_are_part_of_the_request_and_failures_are_told(
    recorder: Recorder, server: HttpServer, way: str
) -> None:
    import httpx2

    ask(way, f"{server.url}/moved")
    ask(way, f"{server.url}/404")
    with pytest.raises(httpx2.ConnectError):
        ask(way, "http://user:secret@127.0.0.1:1/x")
    moved, missing, refused = (told(span) for span in recorder.take())
    assert [path for path, _ in server.seen] == ["/moved", "/here", "/404"]
    assert (moved["url.full"], moved["http.response.status_code"]) == (f"{server.url}/moved", 200)
    assert missing["error.type"] == "404"
    assert (refused["error.type"], refused["url.full"]) == (
        "httpx2.ConnectError",
        "http://REDACTED:REDACTED@127.0.0.1:1/x",
    )


def test_single_clients_and_hooks_are_those_of_httpx(server: HttpServer) -> None:
    import httpx2

    recorder, seen = Recorder(), []
    with httpx2.Client(trust_env=False) as client, httpx2.Client(trust_env=False) as other:
        Httpx2Instrumentor.instrument_client(
            client,
            tracer_provider=recorder.provider,
            request_hook=lambda _span, request: seen.append((request.method, request.url.path)),
            response_hook=lambda _span, _request, response: seen.append(response.status_code),
        )
        client.get(f"{server.url}/tea")
        other.get(f"{server.url}/tea")
        Httpx2Instrumentor.uninstrument_client(client)
        client.get(f"{server.url}/tea")
    assert len(recorder.take()) == 1
    assert seen == [(b"GET", "/tea"), 200]


@not_on_the_oldest
def test_where_it_takes_the_place_of_httpx_a_request_is_one_span() -> None:
    program = """
import httpx2
httpx2.alias_httpx()
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_instrumentors.httpx import HttpxInstrumentor
from otel_instrumentors.httpx2 import Httpx2Instrumentor
from tests.otel_instrumentors.http_server import HttpServer
from tests.otel_instrumentors.httpx_clients import WAYS, both_ways, sent, span_id
exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
for instrumentor in (HttpxInstrumentor, Httpx2Instrumentor):
    instrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
import httpx
with HttpServer() as server:
    assert httpx.get(server.url, trust_env=False).text == "ok"
    (_, headers), = server.seen
(span,) = exporter.get_finished_spans()
assert f"{span.context.span_id:016x}" in {name.lower(): value for name, value in headers.items()}["traceparent"]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_both_generations_beside_each_other_have_a_span_each(recorder: Recorder, server: HttpServer) -> None:
    import httpx
    import httpx2

    with instrumented(HttpxInstrumentor, recorder.provider):
        httpx.get(server.url, trust_env=False)
        httpx2.get(server.url, trust_env=False)
    scopes = [span.instrumentation_scope.name for span in recorder.take() if span.instrumentation_scope]
    assert scopes == ["otel_instrumentors.httpx", "otel_instrumentors.httpx2"]


async def teahouse(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"].upper()})
        await receive()
        return
    if scope["type"] != "http":
        return
    _seen.append({name.decode(): value.decode() for name, value in scope["headers"]})
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for cup in (b"data: green\n\n", b"data: black\n\n"):
        await send({"type": "http.response.body", "body": cup, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


_seen: list[dict[str, str]] = []


def test_requests_of_one_http_2_connection_have_a_span_each(recorder: Recorder) -> None:
    import httpx2

    _seen.clear()

    async def asked(port: int) -> list[str]:
        async with httpx2.AsyncClient(http1=False, http2=True, trust_env=False) as client:
            answers = await asyncio.gather(*(client.get(f"http://127.0.0.1:{port}/{cup}") for cup in range(5)))
            return [answer.http_version for answer in answers]

    with serving("hypercorn", teahouse) as port:
        assert asyncio.run(asked(port)) == ["HTTP/2"] * 5
    spans = recorder.take()
    assert sorted(told(span)["url.full"].rpartition("/")[2] for span in spans) == list("01234")
    assert {told(span)["http.response.status_code"] for span in spans} == {200}
    assert {span_id(headers) for headers in _seen} == {f"{span.context.span_id:016x}" for span in spans}
    assert {span.parent for span in spans} == {None}


def test_events_and_a_websocket_are_a_request_each(recorder: Recorder) -> None:
    import httpx2

    _seen.clear()
    with serving("uvicorn", teahouse) as port, httpx2.Client(trust_env=False) as client:
        with client.stream("GET", f"http://127.0.0.1:{port}/events") as response:
            assert response.read().count(b"data:") == 2
        if hasattr(client, "websocket"):  # newer releases
            with client.websocket(f"ws://127.0.0.1:{port}/chat") as socket:
                socket.send_text("tea")
                assert socket.receive_text() == "TEA"
    events, *chats = recorder.take()
    assert told(events)["http.response.status_code"] == 200
    assert [(told(chat)["url.full"], told(chat)["http.response.status_code"]) for chat in chats] == [
        (f"ws://127.0.0.1:{port}/chat", 101)
    ] * hasattr(client, "websocket")


class _Model(BaseHTTPRequestHandler):
    """As much of OpenAI's API as the SDK asks for; it is too busy for the first request."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append(self.headers["traceparent"].split("-")[2])
        if len(self.seen) == 1:
            self._answer(429, b"", ("retry-after-ms", "1"))
        elif asked.get("stream"):
            parts = [self._part("chat.completion.chunk", {"delta": {"content": text}}) for text in ("gr", "een")]
            body = b"".join(b"data: %s\n\n" % part for part in (*parts, b"[DONE]"))
            self._answer(200, body, ("Content-Type", "text/event-stream"))
        else:
            message = {"message": {"role": "assistant", "content": "green"}, "finish_reason": "stop"}
            self._answer(200, self._part("chat.completion", message), ("Content-Type", "application/json"))

    @staticmethod
    def _part(kind: str, choice: dict[str, Any]) -> bytes:
        choices = [{"index": 0, **choice}]
        return json.dumps({"id": "1", "object": kind, "created": 1, "model": "tea", "choices": choices}).encode()

    def _answer(self, status: int, body: bytes, header: tuple[str, str]) -> None:
        self.send_response(status)
        self.send_header(*header)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture
def model() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Model)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    _Model.seen.clear()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@not_on_the_oldest
@pytest.mark.parametrize("way", WAYS)
def test_below_the_sdk_of_openai_each_try_is_a_request(recorder: Recorder, model: str, way: str) -> None:
    import openai

    question: Any = {"model": "tea", "messages": [{"role": "user", "content": "Which one?"}]}

    def answers() -> list[str]:
        with openai.OpenAI(api_key="none", base_url=model) as client:
            answer = client.chat.completions.create(**question).choices[0].message.content
            parts = client.chat.completions.create(**question, stream=True)
            return [str(answer), *(str(part.choices[0].delta.content) for part in parts)]

    async def answers_later() -> list[str]:
        async with openai.AsyncOpenAI(api_key="none", base_url=model) as client:
            answer = (await client.chat.completions.create(**question)).choices[0].message.content
            parts = await client.chat.completions.create(**question, stream=True)
            return [str(answer), *[str(part.choices[0].delta.content) async for part in parts]]

    assert (answers() if way == "sync" else asyncio.run(answers_later())) == ["green", "gr", "een"]
    spans = recorder.take()
    assert [told(span)["http.response.status_code"] for span in spans] == [429, 200, 200]
    assert {told(span)["url.full"] for span in spans} == {f"{model}/chat/completions"}
    assert _Model.seen == [f"{span.context.span_id:016x}" for span in spans]


@pytest.mark.parametrize(
    ("variables", "spans"),
    [({"HTTPX": "/tea"}, 0), ({"HTTPX2": "/tea"}, 0), ({"HTTPX2": "/coffee", "HTTPX": "/tea"}, 1), ({}, 1)],
)
def test_what_is_excluded_for_httpx_is_excluded_here_too_unless_httpx2_has_a_list_of_its_own(
    variables: dict[str, str], spans: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenTelemetry's own reads the variable of HTTPX for both."""
    import httpx2

    for name, patterns in variables.items():
        monkeypatch.setenv(f"OTEL_PYTHON_{name}_EXCLUDED_URLS", patterns)
    made = Recorder()
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(204))
    with instrumented(Httpx2Instrumentor, made.provider), httpx2.Client(transport=transport) as client:
        assert client.get("http://shop.example/tea").status_code == 204
    assert len(made.take()) == spans
