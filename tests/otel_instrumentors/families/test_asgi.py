"""ASGI applications of nobody's framework, hooked as the family hooks them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from contextvars import copy_context
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.instrumentation import propagators
from opentelemetry.instrumentation.propagators import TraceResponsePropagator
from opentelemetry.trace import SpanKind

from otel_instrumentors.families import asgi
from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.scope import Scope
from otel_instrumentors.semconv import headers
from tests.otel_instrumentors.contract import Recorder, instrumented, names
from tests.otel_instrumentors.families.asgi_server import Client, asked, http_scope
from tests.otel_instrumentors.families.asgi_servers import serving

tracer = trace.get_tracer("app")


def request(call: Call) -> SpanSpec:
    return asgi.request(call.arg(0, "scope"))


class Application:
    """Answers what it is told to, `parts` of a body, and then does what is left to do."""

    def __init__(self, parts: int = 1, status: int = 200, error: BaseException | None = None) -> None:
        self.parts = parts
        self.status = status
        self.error = error
        self.inside: list[Any] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> str:
        self.inside.append(trace.get_current_span())
        await receive()
        if self.error is not None and self.parts == 0:
            raise self.error
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"x-tea", b"green")]})
        for number in range(self.parts):
            await send({"type": "http.response.body", "body": b"x", "more_body": number < self.parts - 1})
        self.inside.append(trace.get_current_span())
        if self.error is not None:
            raise self.error
        return "done"


class Elsewhere(Application):
    """Sends from another task, as Django does."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> str:
        return await asyncio.create_task(super().__call__(scope, receive, send))


@pytest.fixture
def recorder(caplog: pytest.LogCaptureFixture) -> Iterator[Recorder]:
    """And nothing is logged: not by us, by OpenTelemetry or by asyncio."""
    with caplog.at_level(logging.DEBUG):
        yield Recorder()
    assert [record.getMessage() for record in caplog.records if record.name != "asyncio"] == []


def hooked(application: Any, recorder: Recorder, **options: Any) -> Any:
    function = type(application).__call__
    scope = Scope(recorder.provider.get_tracer("asgi"), **options)
    wrapper = asgi.application(request).wrap(Target(function, type(application), True), scope)
    return lambda *args: wrapper(application, *args)


def test_a_request_is_a_server_span(recorder: Recorder) -> None:
    scope = "/it%em/ü", {"query": "x=1", "referer": "http://Guide.example/a"}
    client = asked(hooked(Application(), recorder), scope[0], **scope[1])

    assert (client.status, client.body) == (200, b"x")
    (span,) = recorder.take()
    assert (span.name, span.kind) == ("GET", SpanKind.SERVER)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/it%25em/%C3%BC",
        "url.query": "x=1",
        "server.address": "shop.example",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "user_agent.original": "test",
        "http.request.referrer_host": "guide.example",
        "network.protocol.version": "1.1",
        "asgi.version": "3.0",
        "asgi.spec_version": "2.3",
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize("kind", [Application, Elsewhere])
def test_ten_thousand_parts_are_one_span_that_ends_with_the_last(kind: type[Application], recorder: Recorder) -> None:
    application = kind(parts=10_000)
    assert len(asked(hooked(application, recorder), "/").messages) == 10_001

    (span,) = recorder.take()
    assert [each.get_span_context() for each in application.inside] == [span.context] * 2


def test_the_span_is_current_inside_and_not_outside(recorder: Recorder) -> None:
    application = hooked(Application(), recorder)

    async def serve() -> None:
        with tracer.start_as_current_span("server") as outside:
            before = get_current()
            await Client().request(application, http_scope("/"))
            assert get_current() is before
            assert trace.get_current_span() is outside

    asyncio.run(serve())


def test_what_is_done_after_the_response_is_below_it_and_not_measured(recorder: Recorder) -> None:
    class Background(Application):
        async def __call__(self, *args: Any) -> str:
            done = await super().__call__(*args)
            await asyncio.sleep(0.05)
            recorder.provider.get_tracer("app").start_span("afterwards").end()
            return done

    asked(hooked(Background(), recorder), "/")
    response, afterwards = recorder.take()
    assert afterwards.parent is not None
    assert afterwards.parent.span_id == response.context.span_id
    assert response.end_time < afterwards.start_time


@pytest.mark.parametrize("parts", [0, 2])
def test_an_exception_is_recorded_where_the_response_is_not_complete(parts: int, recorder: Recorder) -> None:
    error = ValueError("broken")
    with pytest.raises(ValueError, match="broken") as raised:
        asked(hooked(Application(parts=parts, error=error), recorder), "/")

    assert raised.value is error
    (span,) = recorder.take()
    assert [event.name for event in span.events] == ([] if parts else ["exception"])
    assert span.status.is_unset is bool(parts)


def test_an_error_that_is_answered_is_one(recorder: Recorder) -> None:
    asked(hooked(Application(status=503), recorder), "/")
    (span,) = recorder.take()
    assert span.attributes["error.type"] == "503"


@pytest.mark.parametrize("kind", [Application, Elsewhere])
def test_cancellation_ends_the_span_once_and_is_no_error(kind: type[Application], recorder: Recorder) -> None:
    class Slow(kind):  # type: ignore[misc, valid-type]
        async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> str:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.sleep(60)
            return "done"

    async def serve() -> None:
        serving = asyncio.create_task(Client().request(hooked(Slow(), recorder), http_scope("/")))
        await asyncio.sleep(0.02)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    asyncio.run(serve())
    (span,) = recorder.take()
    assert span.status.is_unset
    assert span.attributes["http.response.status_code"] == 200


def test_a_request_that_the_server_forgets_ends_with_it(recorder: Recorder) -> None:
    """As where a loop is closed with requests open: the coroutine is closed from outside, in another context."""
    coroutine = hooked(Application(), recorder)(http_scope("/"), lambda: _Forever(), None)
    copy_context().run(coroutine.send, None)
    coroutine.close()
    (span,) = recorder.take()
    assert span.status.is_unset


class _Forever:
    def __await__(self) -> Iterator[None]:
        yield


@pytest.mark.parametrize("kind", ["lifespan", "strange", []])
def test_what_is_no_request_is_left_alone(kind: str, recorder: Recorder) -> None:
    seen: list[Any] = []

    class Other:
        async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> str:
            seen.extend((receive, send, trace.get_current_span()))
            return "other"

    receive, send = object(), object()
    assert asyncio.run(hooked(Other(), recorder)({"type": kind}, receive, send)) == "other"
    assert seen == [receive, send, trace.INVALID_SPAN]
    assert recorder.take() == []


def test_a_mounted_application_makes_no_second_span_and_another_request_its_own(recorder: Recorder) -> None:
    inner = hooked(Application(), recorder)

    class Outer:
        async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["path"] == "/mounted":
                await inner({**scope, "path": "/"}, receive, send)
            else:
                await Client().request(inner, http_scope("/inside"))
                await inner(scope, receive, send)

    outer = hooked(Outer(), recorder)
    asked(outer, "/mounted")
    assert names(recorder.take()) == ["GET"]
    asked(outer, "/")
    inside, around = recorder.take()
    assert inside.attributes["url.path"] == "/inside"
    assert inside.parent.span_id == around.context.span_id


def test_the_caller_of_the_request_is_the_parent_unless_nothing_is_propagated(recorder: Recorder) -> None:
    caller = {"traceparent": f"00-{7:032x}-{8:016x}-01"}
    asked(hooked(Application(), recorder), "/", **caller)
    asked(hooked(Application(), recorder, propagates=False), "/", **caller)
    continued, new = recorder.take()
    assert (continued.context.trace_id, continued.parent.span_id) == (7, 8)
    assert new.parent is None


def test_headers_that_are_asked_for_are_on_the_span(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(headers.VARIABLES + "SERVER_REQUEST", "x-cup")
    monkeypatch.setenv(headers.VARIABLES + "SERVER_RESPONSE", "X-Tea")
    headers.captured.cache_clear()
    try:
        asked(hooked(Application(), recorder), "/", **{"x-cup": "big", "cookie": "a=1"})
    finally:
        headers.captured.cache_clear()
    (span,) = recorder.take()
    captured = {key: value for key, value in span.attributes.items() if ".header." in key}
    assert captured == {"http.request.header.x-cup": ("big",), "http.response.header.x-tea": ("green",)}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"headers": []}, {"server.address": "127.0.0.1", "server.port": 8000}),
        ({"headers": [], "server": None}, {"server.address": None}),
        ({"headers": [], "server": ("/run/web.sock", None)}, {"server.address": "/run/web.sock", "server.port": None}),
        ({"headers": [(b"host", b"me:pw@h")]}, {"server.address": "h", "server.port": None}),
        ({"headers": [(b"user-agent", b"caf\xe9")]}, {"user_agent.original": "caf\u00e9"}),
        ({"client": None}, {"client.address": None}),
        ({"scheme": "https", "headers": [(b"host", b"h:443")]}, {"url.scheme": "https", "server.port": None}),
        ({"method": "BREW"}, {"http.request.method": "_OTHER", "http.request.method_original": "BREW"}),
        ({"asgi": {}}, {"asgi.version": None}),
        ({"path": ""}, {"url.path": "/"}),
        ({"query_string": "a=1"}, {"url.query": "a=1"}),
        ({"query_string": None}, {"url.query": None}),
        ({"headers": iter([(b"host", b"h")])}, {"server.address": "127.0.0.1"}),
    ],
)
def test_odd_requests_are_described_as_far_as_they_go(changed: dict[str, Any], expected: dict[str, Any]) -> None:
    attributes = dict(asgi.request({**http_scope("/"), **changed}).attributes or {})
    assert {key: attributes.get(key) for key in expected} == expected


def test_headers_sent_twice_are_all_read() -> None:
    pairs = [(b"baggage", b"a=1"), (b"baggage", b"b=2"), (b"x", b"y")]
    headers = asgi._RequestHeaders(pairs, dict(pairs))
    assert asgi._headers.get(headers, "Baggage") == ["a=1", "b=2"]
    assert asgi._headers.get(headers, "x") == ["y"]
    assert asgi._headers.get(headers, "missing") is None
    assert asgi._headers.keys(headers) == ["baggage", "baggage", "x"]
    once = asgi._RequestHeaders(pairs[1:], dict(pairs[1:]))
    assert asgi._headers.get(once, "baggage") == ["b=2"]


def test_an_application_is_no_factory_and_no_application_of_asgi_2(recorder: Recorder) -> None:
    """uvicorn calls what it is given without arguments, and looks whether that fails."""
    for arguments in ((), (http_scope("/"),)):
        with pytest.raises(TypeError, match="missing"):
            hooked(Application(), recorder)(*arguments)


def test_an_application_that_sends_nonsense_gets_what_it_always_got(recorder: Recorder) -> None:
    class Nonsense:
        async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
            await send("nonsense")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(hooked(Nonsense(), recorder)(http_scope("/"), None, send))
    assert sent == ["nonsense"]
    assert len(recorder.take()) == 1


def test_a_propagator_for_responses_that_breaks_hinders_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def inject(self, *_args: Any, **_kwargs: Any) -> None:
            raise ValueError("broken")

    safety._last_said.clear()
    monkeypatch.setattr(propagators, "_RESPONSE_PROPAGATOR", Broken())
    assert asked(hooked(Application(), Recorder()), "/").messages[0]["headers"] == [(b"x-tea", b"green")]
    assert "telling a client of its span" in caplog.text


def test_the_client_is_told_of_its_span_where_a_propagator_for_responses_is_set(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagators, "_RESPONSE_PROPAGATOR", TraceResponsePropagator())
    client = asked(hooked(Application(), recorder), "/")
    (span,) = recorder.spans()
    assert span.context is not None
    told = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}".encode()
    assert (b"traceresponse", told) in client.messages[0]["headers"]


EXPOSED = (b"access-control-expose-headers", b"traceresponse")


def told_of(recorder: Recorder) -> list[tuple[bytes, bytes]]:
    """The headers that tell a client of the one span there is."""
    (span,) = recorder.take()
    ids = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"
    return [(b"traceresponse", ids.encode()), EXPOSED]


@pytest.mark.parametrize("given", [None, [], [(b"x-tea", b"green")], ((b"x-tea", b"green"),)], ids=repr)
def test_the_client_is_told_whatever_headers_the_response_has_and_those_stay_as_they_are(
    given: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message, and one list of headers, may serve every response."""
    monkeypatch.setattr(propagators, "_RESPONSE_PROPAGATOR", TraceResponsePropagator())
    message = {"type": "http.response.start", "status": 200}
    if given is not None:
        message["headers"] = given
    before = repr(message)

    class Answering:
        async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
            await send(message)
            await send({"type": "http.response.body", "body": b"tea"})

    for _ in range(3):
        client = asked(hooked(Answering(), recorder), "/")
        assert client.messages[0]["headers"] == [*(given or ()), *told_of(recorder)]
    assert repr(message) == before


def test_the_client_of_a_websocket_is_told_of_the_handshakes_span(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagators, "_RESPONSE_PROPAGATOR", TraceResponsePropagator())
    accepted, *others = websocket(recorder, {"type": "websocket.accept"}, SAID, CLOSED)
    assert accepted == {"type": "websocket.accept", "headers": told_of(recorder)}
    assert others == [SAID, CLOSED]
    # Servers refuse with an answer of their own.
    assert websocket(recorder, CLOSED) == [CLOSED]


def test_the_client_of_a_framework_is_told_by_a_real_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the propagator that an application sets to the bytes of the response."""
    from http.client import HTTPConnection

    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from otel_instrumentors.starlette import StarletteInstrumentor

    recorder = Recorder()
    monkeypatch.setattr(propagators, "_RESPONSE_PROPAGATOR", None)
    propagators.set_global_response_propagator(TraceResponsePropagator())  # type: ignore[no-untyped-call]
    with instrumented(StarletteInstrumentor, recorder.provider):
        app = Starlette(routes=[Route("/tea", lambda _request: PlainTextResponse("tea"))])
        with serving("uvicorn", app) as port:
            recorder.take()
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/tea")
            response = connection.getresponse()
            assert response.read() == b"tea"
            connection.close()
    (name, told), exposed = told_of(recorder)
    assert response.headers[name.decode()] == told.decode()
    assert response.headers[exposed[0].decode()] == "traceresponse"


def test_headers_of_a_response_that_can_be_read_but_once_are_the_servers(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE", "x-tea")
    headers.captured.cache_clear()

    class Answering:
        async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
            pairs = iter([(b"x-tea", b"green")])
            await send({"type": "http.response.start", "status": 200, "headers": pairs})
            await send({"type": "http.response.body", "body": b"tea"})

    try:
        client = asked(hooked(Answering(), recorder), "/")
    finally:
        headers.captured.cache_clear()
    assert list(client.messages[0]["headers"]) == [(b"x-tea", b"green")]
    assert len(recorder.take()) == 1


def websocket(recorder: Recorder, *messages: Any, version: str = "1.1", error: Exception | None = None) -> list[Any]:
    """What the server is sent by an application that sends these messages, and then raises."""

    class Talking:
        async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
            for message in messages:
                await send(message)
            if error is not None:
                raise error

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {**http_scope("/talk"), "type": "websocket", "scheme": "ws", "http_version": version}
    del scope["method"]
    with suppress(ValueError):
        asyncio.run(hooked(Talking(), recorder)(scope, None, send))
    return sent


ACCEPTED = {"type": "websocket.accept", "headers": [(b"x-tea", b"green")]}
SAID = {"type": "websocket.send", "text": "tea"}
CLOSED = {"type": "websocket.close", "code": 1000}


@pytest.mark.parametrize(
    ("messages", "version", "expected"),
    [
        ([ACCEPTED, SAID, CLOSED], "1.1", ("GET", 101)),
        ([{"type": "websocket.accept"}], "2", ("CONNECT", 200)),
        ([CLOSED], "1.1", ("GET", 403)),
        (
            [
                {"type": "websocket.http.response.start", "status": 401, "headers": []},
                {"type": "websocket.http.response.body", "body": b"not", "more_body": True},
                {"type": "websocket.http.response.body", "body": b"you"},
            ],
            "1.1",
            ("GET", 401),
        ),
        ([], "1.1", ("GET", None)),
        (["nonsense", {"type": []}], "1.1", ("GET", None)),
    ],
    ids=["accepted", "HTTP/2", "closed", "answered", "forgotten", "nonsense"],
)
def test_a_handshake_has_the_status_that_its_client_gets(
    messages: list[Any], version: str, expected: tuple[str, int | None], recorder: Recorder
) -> None:
    assert websocket(recorder, *messages, version=version) == messages

    (span,) = recorder.take()
    attributes = span.attributes or {}
    assert (span.name, span.kind) == (expected[0], SpanKind.SERVER)
    assert (attributes["http.request.method"], attributes.get("http.response.status_code")) == expected
    assert (attributes["url.scheme"], attributes["url.path"]) == ("ws", "/talk")
    assert span.status.is_unset


def test_an_exception_is_the_handshakes_while_that_goes_on(recorder: Recorder) -> None:
    websocket(recorder, error=ValueError("broken"))
    websocket(recorder, ACCEPTED, error=ValueError("broken"))
    shaking, talking = recorder.take()
    assert (shaking.status.is_unset, talking.status.is_unset) == (False, True)
    assert [event.name for event in (*shaking.events, *talking.events)] == ["exception"]


def test_ten_thousand_messages_are_one_span(recorder: Recorder) -> None:
    messages = [ACCEPTED, *[SAID] * 10_000, CLOSED]
    assert websocket(recorder, *messages) == messages
    assert names(recorder.take()) == ["GET"]
