"""ASGI applications on real servers: the spans of requests, streams and WebSockets are the same on each."""

# Without annotations from the future: FastAPI reads those of functions whose names are local.
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, Tracer

from otel_instrumentors.asgi import OpenTelemetryMiddleware
from otel_instrumentors.fastapi import FastapiInstrumentor
from otel_instrumentors.starlette import StarletteInstrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented
from tests.otel_instrumentors.families.asgi_servers import SERVERS, ask, kept_requests, refused, serving, talk, wait_for

CHUNKS = 10_000


def of_starlette(tracer: Tracer) -> Any:
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Mount, Route, WebSocketRoute

    def step(name: str) -> None:
        tracer.start_span(name).end()

    def in_a_thread(request: Any) -> Any:
        step("thread")
        return PlainTextResponse(request.path_params["number"], background=BackgroundTask(step, "background"))

    async def read(request: Any) -> Any:
        return PlainTextResponse(str(len(await request.body())))

    async def stream(_request: Any) -> Any:
        return StreamingResponse(parts(), media_type="text/event-stream")

    async def echo(socket: Any) -> None:
        await echoed(socket, step)

    async def shut(socket: Any) -> None:
        await socket.close()

    routes = [
        Route("/thread/{number}", in_a_thread),
        Route("/read", read, methods=["POST"]),
        Route("/stream", stream),
        Mount("/rooms/{room}", routes=[WebSocketRoute("/echo/{name}", echo), WebSocketRoute("/shut", shut)]),
    ]

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        app.state.told = ["up"]
        yield
        app.state.told.append("down")

    app = Starlette(routes=routes, lifespan=lifespan)
    return app


def of_fastapi(tracer: Tracer) -> Any:
    from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request, WebSocket
    from fastapi.responses import StreamingResponse

    def step(name: str) -> None:
        tracer.start_span(name).end()

    def dependency() -> None:
        step("dependency")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        app.state.told = ["up"]
        yield
        app.state.told.append("down")

    app, router = FastAPI(lifespan=lifespan), APIRouter()

    @app.get("/thread/{number}", dependencies=[Depends(dependency)])
    def in_a_thread(number: int, tasks: BackgroundTasks) -> int:
        step("thread")
        tasks.add_task(step, "background")
        return number

    @app.post("/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(parts(), media_type="text/event-stream")

    @router.websocket("/echo/{name}")
    async def echo(socket: WebSocket, name: str) -> None:
        await echoed(socket, step)

    @router.websocket("/shut")
    async def shut(socket: WebSocket) -> None:
        await socket.close()

    app.include_router(router, prefix="/rooms/{room}")
    return app


async def parts() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield b"data: x\n\n"


async def echoed(socket: Any, step: Callable[[str], None]) -> None:
    from starlette.websockets import WebSocketDisconnect

    await socket.accept()
    try:
        while True:
            text = await socket.receive_text()
            step("message")
            await socket.send_text(text)
    except WebSocketDisconnect:
        return


@contextmanager
def traced(framework: str, recorder: Recorder) -> Iterator[Any]:
    """An application, and what traces it; FastAPI's with Starlette's instrumentor beside, as in a distribution."""
    provider = recorder.provider
    tracer = provider.get_tracer("app")
    with ExitStack() as stack:
        if framework == "middleware":
            yield OpenTelemetryMiddleware(of_starlette(tracer), tracer_provider=provider)
            return
        stack.enter_context(instrumented(StarletteInstrumentor, provider))
        if framework == "fastapi":
            stack.enter_context(instrumented(FastapiInstrumentor, provider))
        yield of_fastapi(tracer) if framework == "fastapi" else of_starlette(tracer)


pytestmark = [
    pytest.mark.parametrize("server", SERVERS),
    pytest.mark.parametrize("framework", ["fastapi", "starlette", "middleware"]),
    # Granian says of its embedded form that it is experimental.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def routed(framework: str, route: str) -> str:
    """The name of a request's span: around an application that is not traced nobody knows the route."""
    return "GET" if framework == "middleware" else f"GET {route}"


def test_a_request_is_one_span_above_what_it_does_in_threads_and_afterwards(server: str, framework: str) -> None:
    recorder = Recorder()
    with traced(framework, recorder) as app, serving(server, app) as port:
        assert ask(port, "/thread/7", traceparent=f"00-{7:032x}-{8:016x}-01")[0] == 200
        own = {"thread", "background", *(["dependency"] if framework == "fastapi" else [])}
        wait_for(lambda: len(recorder.spans()) == 1 + len(own))

    (request,) = [span for span in recorder.spans() if span.kind is SpanKind.SERVER]
    assert request.name == routed(framework, "/thread/{number}")
    assert (request.context.trace_id, request.parent.span_id) == (7, 8)
    below = [span for span in recorder.spans() if span is not request]
    assert {span.name for span in below} == own
    assert {span.parent and span.parent.span_id for span in below} == {request.context.span_id}


def test_ten_thousand_events_are_one_span(server: str, framework: str) -> None:
    recorder = Recorder()
    with traced(framework, recorder) as app, serving(server, app) as port:
        status, body = ask(port, "/stream")
        wait_for(lambda: bool(recorder.spans()))

    assert (status, body.count(b"data:")) == (200, CHUNKS)
    assert [span.name for span in recorder.spans()] == [routed(framework, "/stream")]


def test_a_websocket_is_a_span_of_its_handshake_and_its_messages_make_none(server: str, framework: str) -> None:
    recorder = Recorder()
    with traced(framework, recorder) as app, serving(server, app) as port:
        assert talk(port, "/rooms/blue/echo/ann", "one", "two") == ["one", "two"]
        assert refused(port, "/rooms/blue/shut") == 403

    handshake, *messages, shut = recorder.spans()
    assert handshake.name == routed(framework, "/rooms/{room}/echo/{name}")
    assert handshake.kind is SpanKind.SERVER
    told = {key: handshake.attributes[key] for key in ("http.request.method", "url.scheme", "url.path")}
    assert told == {"http.request.method": "GET", "url.scheme": "ws", "url.path": "/rooms/blue/echo/ann"}
    assert handshake.attributes["http.response.status_code"] == 101
    # What a message makes the application do is below it: the span itself is over.
    assert [span.name for span in messages] == ["message", "message"]
    assert {span.parent.span_id for span in messages} == {handshake.context.span_id}
    assert messages[0].start_time >= handshake.end_time
    assert (shut.name, shut.attributes["http.response.status_code"]) == (routed(framework, "/rooms/{room}/shut"), 403)
    assert shut.status.is_unset


def test_requests_of_one_kept_connection_are_nobodys_children(server: str, framework: str) -> None:
    """A server may read the next request in the context of the one before: if that is long, or came at once."""
    recorder = Recorder()
    with traced(framework, recorder) as app, serving(server, app) as port:
        assert kept_requests(port, "/read", "/thread/7") == [b"200000", b"7", b"7", b"7"]
        wait_for(lambda: len([span for span in recorder.spans() if span.kind is SpanKind.SERVER]) == 4)

    requests = [span for span in recorder.spans() if span.kind is SpanKind.SERVER]
    assert [span.parent for span in requests] == [None] * 4
    assert len({span.context.trace_id for span in requests}) == 4


def test_the_lifespan_makes_no_span_and_is_served(server: str, framework: str) -> None:
    recorder = Recorder()
    with traced(framework, recorder) as app:
        with serving(server, app):
            pass
        assert getattr(app, "app", app).state.told == ["up", "down"]
    assert recorder.spans() == []
