"""Starlette, called as ASGI servers call it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind

from otel_instrumentors.starlette import StarletteInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.families import asgi_server

CHUNKS = 10_000


class SoldOut(Exception):
    pass


class Broken(Exception):
    pass


def step(name: str) -> None:
    """A span of the application's own."""
    trace.get_tracer("app").start_span(name).end()


async def item(request: Any) -> Any:
    from starlette.responses import PlainTextResponse

    await request.body()
    return PlainTextResponse(f"item {request.path_params['number']}")


def in_a_thread(request: Any) -> Any:
    from starlette.responses import PlainTextResponse

    request.app.step("thread")
    return PlainTextResponse("ok")


async def stream(_request: Any) -> Any:
    from starlette.responses import StreamingResponse

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(CHUNKS):
            yield b"data: x\n\n"

    return StreamingResponse(parts(), media_type="text/event-stream")


async def later(request: Any) -> Any:
    from starlette.background import BackgroundTask
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("ok", background=BackgroundTask(request.app.step, "background"))


async def broke(request: Any) -> Any:
    from starlette.exceptions import HTTPException

    how = request.path_params["how"]
    if how.isdecimal():
        raise HTTPException(status_code=int(how), detail="told")
    raise {"sold_out": SoldOut("none left"), "broken": Broken("no pot"), "boom": ValueError("it failed")}[how]


class Stumbling:
    """A middleware of the application's own, in plain ASGI."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") == "/stumbled":
            raise KeyError("keys")
        await self.app(scope, receive, send)


def application(debug: bool = False) -> Any:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    async def passing(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    async def sold_out(_request: Any, _error: Exception) -> Any:
        return PlainTextResponse("sold out", status_code=410)

    async def broken(_request: Any, _error: Exception) -> Any:
        return PlainTextResponse("broken", status_code=502)

    async def other(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("other")(scope, receive, send)

    app = Starlette(
        debug=debug,
        routes=[
            Route("/item/{number:int}", item),
            Route("/thread", in_a_thread),
            Route("/stream", stream),
            Route("/later", later),
            Route("/broke/{how}", broke),
            Mount(
                "/shops/{shop}",
                routes=[
                    Route("/item/{number}", item),
                    Mount(
                        "/deep",
                        Starlette(
                            routes=[
                                Route("/item/{number}", item),
                            ]
                        ),
                    ),
                ],
            ),
            Mount("/other", other),
        ],
        middleware=[Middleware(Stumbling), Middleware(BaseHTTPMiddleware, dispatch=passing)],
        exception_handlers={SoldOut: sold_out, Broken: broken},
    )
    app.step = step
    return app


def ask(path: str, app: Any = None, **options: Any) -> tuple[int, bytes]:
    client = asgi_server.asked(app or application(), path, **options)
    return client.status, client.body


def ask_and_see(path: str, kind: type[Exception]) -> int:
    """The status of an answer after which the application raises what failed, for the server to log."""

    async def asked() -> int:
        client = asgi_server.Client()
        with pytest.raises(kind):
            await client.request(application(), asgi_server.http_scope(path))
        return client.status

    return asyncio.run(asked())


class TestStarletteContract(Contract):
    instrumentor = StarletteInstrumentor

    @staticmethod
    def use() -> Any:
        return ask("/shops/1/item/3")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(StarletteInstrumentor, recorder.provider):
        yield recorder


def requested(recorder: Recorder, path: str, **options: Any) -> Any:
    ask(path, **options)
    (span,) = recorder.take()
    return span


def test_a_request_is_a_server_span_named_by_its_route(recorder: Recorder) -> None:
    span = requested(recorder, "/item/3", query="page=1")

    assert (span.name, span.kind) == ("GET /item/{number:int}", SpanKind.SERVER)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/item/3",
        "url.query": "page=1",
        "server.address": "shop.example",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "user_agent.original": "test",
        "network.protocol.version": "1.1",
        "asgi.version": "3.0",
        "asgi.spec_version": "2.3",
        "http.route": "/item/{number:int}",
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/shops/7/item/3", "/shops/{shop}/item/{number}", 200),
        ("/shops/7/deep/item/3", "/shops/{shop}/deep/item/{number}", 200),
        ("/shops/7/nowhere", "/shops/{shop}", 404),
        ("/other/anything", "/other", 200),
    ],
    ids=["mount", "application in a mount", "nothing in a mount", "application of another kind"],
)
def test_the_mounts_on_the_way_are_part_of_the_route(recorder: Recorder, path: str, route: str, status: int) -> None:
    span = requested(recorder, path)

    assert (span.name, span.attributes["http.route"]) == (f"GET {route}", route)
    assert span.attributes["http.response.status_code"] == status
    assert span.status.is_unset


def test_where_no_route_is_taken_the_path_is_no_name(recorder: Recorder) -> None:
    span = requested(recorder, "/nowhere/3")

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET", 404)
    assert "http.route" not in span.attributes


def test_a_method_that_a_route_lacks_keeps_it(recorder: Recorder) -> None:
    span = requested(recorder, "/item/3", method="DELETE")

    assert (span.name, span.attributes["http.response.status_code"]) == ("DELETE /item/{number:int}", 405)
    assert span.status.is_unset


@pytest.mark.parametrize(("how", "status"), [("404", 404), ("409", 409), ("sold_out", 410)])
def test_an_exception_that_is_answered_below_500_is_no_error(recorder: Recorder, how: str, status: int) -> None:
    span = requested(recorder, f"/broke/{how}")

    assert (span.attributes["http.response.status_code"], span.attributes["http.route"]) == (status, "/broke/{how}")
    assert span.status.is_unset
    assert span.events == ()


@pytest.mark.parametrize(
    ("how", "status", "kind"),
    [("503", 503, "starlette.exceptions.HTTPException"), ("broken", 502, f"{__name__}.Broken")],
)
def test_a_5xx_that_a_handler_makes_of_an_exception_is_told_by_it(
    recorder: Recorder, how: str, status: int, kind: str
) -> None:
    span = requested(recorder, f"/broke/{how}")

    assert (span.attributes["http.response.status_code"], span.attributes["error.type"]) == (status, kind)
    assert span.status.status_code.name == "ERROR"
    assert len(span.events) == 1


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [("/broke/boom", "GET /broke/{how}", ValueError), ("/stumbled", "GET", KeyError)],
    ids=["endpoint", "middleware"],
)
def test_an_exception_that_nobody_handles_is_on_the_span_once(
    recorder: Recorder, path: str, name: str, kind: type[Exception]
) -> None:
    assert ask_and_see(path, kind) == 500

    (span,) = recorder.take()
    assert (span.name, span.attributes["error.type"]) == (name, kind.__name__)
    assert span.attributes["http.response.status_code"] == 500
    assert span.status.status_code.name == "ERROR"
    assert len(span.events) == 1


def test_an_endpoint_in_a_thread_and_a_background_task_have_the_request_as_parent(recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("app")
    app = application()
    app.step = lambda name: tracer.start_span(name).end()
    for path in ("/thread", "/later"):
        assert ask(path, app)[0] == 200
        own, request = sorted(recorder.take(), key=lambda span: span.kind is SpanKind.SERVER)
        assert own.parent.span_id == request.context.span_id


def test_ten_thousand_events_are_one_span_until_the_last(recorder: Recorder) -> None:
    status, body = ask("/stream")

    assert (status, body.count(b"data:")) == (200, CHUNKS)
    assert [span.name for span in recorder.take()] == ["GET /stream"]


def test_the_caller_of_the_request_is_the_parent(recorder: Recorder) -> None:
    span = requested(recorder, "/item/1", traceparent=f"00-{7:032x}-{8:016x}-01")

    assert (span.context.trace_id, span.parent.span_id) == (7, 8)


def test_an_application_made_before_instrumenting_is_traced() -> None:
    app = application()
    assert ask("/item/1", app) == (200, b"item 1")
    recorder = Recorder()
    with instrumented(StarletteInstrumentor, recorder.provider):
        assert ask("/shops/1/item/1", app) == (200, b"item 1")
    assert [span.name for span in recorder.take()] == ["GET /shops/{shop}/item/{number}"]


def test_one_application_alone_is_traced_where_that_is_asked_for() -> None:
    recorder = Recorder()
    one, other = application(), application()
    StarletteInstrumentor.instrument_app(one, tracer_provider=recorder.provider)
    try:
        ask("/item/1", other)
        assert recorder.take() == []
        ask("/item/1", one)
        assert [span.name for span in recorder.take()] == ["GET /item/{number:int}"]
    finally:
        StarletteInstrumentor.uninstrument_app(one)


def test_the_lifespan_makes_no_span(recorder: Recorder) -> None:
    sent: list[str] = []
    received = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Any:
        return {"type": next(received)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(application()({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert recorder.take() == []


def test_the_sizes_of_bodies_are_measured_where_their_headers_say_them(recorder: Recorder) -> None:
    StarletteInstrumentor().uninstrument()
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    with instrumented(StarletteInstrumentor, recorder.provider, meter_provider=provider):
        _, body = ask("/item/3", **{"content-length": "7"})
        ask("/stream", **{"content-length": "seven"})
    data = reader.get_metrics_data()
    provider.shutdown()
    assert data is not None
    sizes: dict[str, list[int]] = {
        metric.name: [point.sum for point in metric.data.data_points]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        if metric.name.endswith("body.size")
    }
    assert sizes == {"http.server.request.body.size": [7], "http.server.response.body.size": [len(body)]}
