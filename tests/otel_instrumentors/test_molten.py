"""Molten, called as a WSGI server calls it."""

# Not `from __future__ import annotations`: Molten injects what the annotations of handlers are, not what they say.
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from otel_instrumentors.molten import MoltenInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.families.wsgi_server import asked, environment


def item(number: int) -> str:
    return f"item {number}"


def boom() -> str:
    raise ValueError("the handler failed")


def stream() -> Any:
    from molten import StreamingResponse

    def parts() -> Iterator[bytes]:
        for part in (b"a", b"b", b"c"):
            trace.get_tracer("app").start_span(f"part {part.decode()}").end()
            yield part

    return StreamingResponse("200 OK", parts())


def answer(how: str, status: str) -> Any:
    from molten import HTTPError, Response

    if how == "raised":
        raise HTTPError(f"{status} Told", "asked for")
    return Response(f"{status} Told", content="asked for")


def application() -> Any:
    from molten import App, HTTPError, Include, Request, ResponseRendererMiddleware, Route

    def doorkeeper(handler: Callable[..., Any]) -> Callable[..., Any]:
        def handle(request: Request) -> Any:
            if request.path == "/closed":
                raise HTTPError("401 Unauthorized", "closed")
            if request.path == "/stumbled":
                raise KeyError("keys")
            return handler()

        return handle

    return App(
        routes=[
            Route("/item/{number}", item),
            Route("/boom", boom),
            Route("/stream", stream),
            Include("/answer", [Route("/{how}/{status}", answer, name="told")], namespace="answers"),
        ],
        middleware=[ResponseRendererMiddleware(), doorkeeper],
    )


def ask(path: str, app: Any = None, **more: Any) -> tuple[str, bytes]:
    return asked(app or application(), path, **{"HTTP_HOST": "shop.example", **more})


@cache
def kept_application() -> Any:
    """One for all: of each that is made, something is kept for ever."""
    return application()


class TestMoltenContract(Contract):
    instrumentor = MoltenInstrumentor

    @staticmethod
    def use() -> Any:
        # Molten keeps the last 128 functions that it has called, with what they hold: twenty uses are to fill that.
        return [ask("/item/3", kept_application()) for _ in range(8)]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(MoltenInstrumentor, recorder.provider):
        yield recorder


def requested(recorder: Recorder, path: str, **options: Any) -> Any:
    ask(path, **options)
    (span,) = recorder.take()
    return span


def test_a_request_is_a_server_span_named_by_its_route(recorder: Recorder) -> None:
    sent = {"HTTP_USER_AGENT": "test", "HTTP_HOST": "shop.example:8080", "REMOTE_ADDR": "127.0.0.1"}
    span = requested(recorder, "/item/3", QUERY_STRING="x=1", **sent)

    assert (span.name, span.kind) == ("GET /item/{number}", SpanKind.SERVER)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/item/3",
        "url.query": "x=1",
        "server.address": "shop.example",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "user_agent.original": "test",
        "network.protocol.version": "1.1",
        "http.route": "/item/{number}",
        "http.response.status_code": 200,
        "molten.version": version("molten"),
        "molten.route": "item",
    }


def test_a_route_that_is_included_bears_its_prefix_and_namespace(recorder: Recorder) -> None:
    span = requested(recorder, "/answer/returned/200")

    assert (span.name, span.attributes["molten.route"]) == ("GET /answer/{how}/{status}", "answers:told")


@pytest.mark.parametrize(
    ("path", "name", "kind"), [("/boom", "GET /boom", "ValueError"), ("/stumbled", "GET", "KeyError")]
)
def test_an_exception_of_a_handler_or_a_middleware_is_on_the_span_and_the_client_gets_its_500(
    recorder: Recorder, path: str, name: str, kind: str
) -> None:
    assert ask(path)[0] == "500 Internal Server Error"

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert (span.name, span.attributes["http.response.status_code"]) == (name, 500)
    assert span.attributes["error.type"] == kind
    assert len(span.events) == 1


@pytest.mark.parametrize("how", ["raised", "returned"])
@pytest.mark.parametrize(("status", "kind"), [(404, None), (302, None), (503, "503")])
def test_an_answer_is_judged_by_its_status_whether_raised_or_returned(
    recorder: Recorder, how: str, status: int, kind: str | None
) -> None:
    span = requested(recorder, f"/answer/{how}/{status}")

    assert (span.attributes["http.response.status_code"], span.attributes.get("error.type")) == (status, kind)
    assert span.status.is_unset is (kind is None)
    assert span.events == ()


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nope", "GET", 404), ("/boom", "POST", 404), ("/closed", "GET", 401)]
)
def test_a_request_without_a_route_is_named_by_its_method(
    recorder: Recorder, path: str, method: str, status: int
) -> None:
    span = requested(recorder, path, method=method)

    assert span.attributes["http.response.status_code"] == status
    assert span.name == method
    assert not {"http.route", "molten.route"} & set(span.attributes)
    assert span.status.is_unset


def test_the_span_covers_a_stream_to_its_last_part(recorder: Recorder) -> None:
    body = application()(environment("/stream", HTTP_HOST="shop.example"), lambda *_args: None)
    assert not trace.get_current_span().get_span_context().is_valid
    assert recorder.spans() == []
    assert b"".join(body) == b"abc"
    (span,) = recorder.take()
    assert span.name == "GET /stream"
    body.close()
    assert recorder.take() == []


def test_an_application_made_before_instrumenting_is_traced() -> None:
    app = application()
    recorder = Recorder()
    with instrumented(MoltenInstrumentor, recorder.provider):
        assert ask("/item/1", app) == ("200 OK", b'"item 1"')
    assert [span.name for span in recorder.take()] == ["GET /item/{number}"]


def test_the_caller_of_the_request_is_the_parent(recorder: Recorder) -> None:
    span = requested(recorder, "/item/1", HTTP_TRACEPARENT=f"00-{7:032x}-{8:016x}-01")

    assert (span.context.trace_id, span.parent.span_id) == (7, 8)
