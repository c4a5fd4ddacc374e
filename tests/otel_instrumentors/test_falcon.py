"""Falcon, called as WSGI and ASGI servers call it."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from otel_instrumentors.falcon import FalconInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.families import asgi_server, wsgi_server

HAS_ASGI = importlib.util.find_spec("falcon.asgi") is not None
"""Falcon 3.0 and later."""

WAYS = ["wsgi", "asgi"] if HAS_ASGI else ["wsgi"]


class SoldOut(Exception):
    pass


class Broken(Exception):
    pass


class Item:
    def on_get(self, request: Any, response: Any, number: str = "1") -> None:
        response.data = f"item {number}".encode()


class Stream:
    def on_get(self, request: Any, response: Any) -> None:
        response.stream = self.parts()

    def parts(self) -> Iterator[bytes]:
        for part in (b"a", b"b", b"c"):
            trace.get_tracer("app").start_span(f"part {part.decode()}").end()
            yield part


class Broke:
    def on_get(self, request: Any, response: Any, how: str) -> None:
        fail(how)


class AsyncItem:
    async def on_get(self, request: Any, response: Any, number: str = "1") -> None:
        response.data = f"item {number}".encode()


class AsyncStream:
    async def on_get(self, request: Any, response: Any) -> None:
        response.stream = self.parts()

    async def parts(self) -> AsyncIterator[bytes]:
        for part in (b"a", b"b", b"c"):
            yield part


class AsyncBroke:
    async def on_get(self, request: Any, response: Any, how: str) -> None:
        fail(how)


def fail(how: str) -> None:
    import falcon

    if how == "status":
        raise falcon.HTTPStatus(falcon.HTTP_203)
    if how == "sold_out":
        raise SoldOut("none left")
    if how == "broken":
        raise Broken("no pot")
    if how == "boom":
        raise ValueError("the resource failed")
    if how == "moved":
        raise falcon.HTTPFound("/")
    raise falcon.HTTPError(f"{how} Told")


class Middleware:
    def process_request(self, request: Any, response: Any) -> None:
        import falcon

        if request.path == "/closed":
            raise falcon.HTTPError("401 Unauthorized")
        if request.path == "/stumbled":
            raise KeyError("keys")


class AsyncMiddleware:
    async def process_request(self, request: Any, response: Any) -> None:
        Middleware().process_request(request, response)


def sink(request: Any, response: Any, **_params: Any) -> None:
    response.data = b"drained"


async def async_sink(request: Any, response: Any, **_params: Any) -> None:
    response.data = b"drained"


def sold_out(request: Any, response: Any, error: Any, params: Any) -> None:
    response.status = "410 Gone"


def broken(request: Any, response: Any, error: Any, params: Any) -> None:
    import falcon

    raise falcon.HTTPError("502 Bad Gateway")


async def async_sold_out(request: Any, response: Any, error: Any, params: Any) -> None:
    sold_out(request, response, error, params)


async def async_broken(request: Any, response: Any, error: Any, params: Any) -> None:
    broken(request, response, error, params)


def application(way: str = "wsgi") -> Any:
    import falcon

    if way == "asgi":
        import falcon.asgi

        app: Any = falcon.asgi.App(middleware=[AsyncMiddleware()])
        resources: tuple[Any, ...] = (AsyncItem(), AsyncStream(), AsyncBroke())
        drain, handlers = async_sink, (async_sold_out, async_broken)
    else:
        app = (falcon.App if HAS_ASGI else falcon.API)(middleware=[Middleware()])
        resources = (Item(), Stream(), Broke())
        drain, handlers = sink, (sold_out, broken)
    for path, resource in zip(("/item/{number}", "/stream", "/broke/{how}"), resources, strict=True):
        app.add_route(path, resource)
    app.add_sink(drain, "/drain")
    app.add_static_route("/static", str(Path(__file__).parent))
    app.add_error_handler(SoldOut, handlers[0])
    app.add_error_handler(Broken, handlers[1])
    return app


def ask(way: str, path: str, app: Any = None, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    app = app or application(way)
    if way == "asgi":
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        client = asgi_server.asked(app, path, method=method, **sent)
        return client.status, client.body
    sent = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    status, body = wsgi_server.asked(app, path, method, **sent)
    return int(status[:3]), body


class TestFalconContract(Contract):
    instrumentor = FalconInstrumentor

    @staticmethod
    def use() -> Any:
        return [ask(way, "/item/3") for way in WAYS]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(FalconInstrumentor, recorder.provider):
        yield recorder


def requested(recorder: Recorder, way: str, path: str, app: Any = None, **options: Any) -> Any:
    ask(way, path, app, **options)
    (span,) = recorder.take()
    return span


def test_a_request_is_a_server_span_named_by_its_route_and_says_its_resource(recorder: Recorder) -> None:
    span = requested(recorder, "wsgi", "/item/3", host="shop.example:8080", user_agent="test")

    assert (span.name, span.kind) == ("GET /item/{number}", SpanKind.SERVER)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/item/3",
        "server.address": "shop.example",
        "server.port": 8080,
        "user_agent.original": "test",
        "network.protocol.version": "1.1",
        "http.route": "/item/{number}",
        "http.response.status_code": 200,
        "falcon.resource": f"{__name__}.Item",
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [("/broke/boom", "GET /broke/{how}", "ValueError"), ("/stumbled", "GET", "KeyError")],
    ids=["resource", "middleware"],
)
def test_an_exception_of_a_resource_or_a_middleware_is_on_the_span(
    recorder: Recorder, way: str, path: str, name: str, kind: str
) -> None:
    app = application(way)
    if HAS_ASGI:
        assert ask(way, path, app)[0] == 500
    else:
        with pytest.raises((ValueError, KeyError)):
            ask(way, path, app)

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert (span.name, span.attributes["error.type"]) == (name, kind)
    assert len(span.events) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("how", "status"), [("404", 404), ("409", 409), ("status", 203), ("moved", 302), ("sold_out", 410)]
)
def test_an_answer_below_500_is_no_error_even_if_it_is_raised(
    recorder: Recorder, way: str, how: str, status: int
) -> None:
    span = requested(recorder, way, f"/broke/{how}")

    assert (span.attributes["http.response.status_code"], span.attributes["http.route"]) == (status, "/broke/{how}")
    assert span.status.is_unset
    assert span.events == ()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("how", "status", "kind"), [("503", 503, "falcon.http_error.HTTPError"), ("broken", 502, f"{__name__}.Broken")]
)
def test_an_error_that_is_raised_or_made_of_an_exception_is_told_by_what_was_raised(
    recorder: Recorder, way: str, how: str, status: int, kind: str
) -> None:
    span = requested(recorder, way, f"/broke/{how}")

    assert (span.attributes["http.response.status_code"], span.attributes["error.type"]) == (status, kind)
    assert span.status.status_code.name == "ERROR"
    assert len(span.events) == 1


@pytest.mark.parametrize("way", WAYS)
def test_what_a_middleware_answers_has_no_route(recorder: Recorder, way: str) -> None:
    span = requested(recorder, way, "/closed")

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET", 401)
    assert span.status.is_unset
    assert not {"http.route", "falcon.resource"} & set(span.attributes)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("path", "status", "answering"),
    [
        ("/drain/here", 200, {"wsgi": f"{__name__}.sink", "asgi": f"{__name__}.async_sink"}),
        (
            f"/static/{Path(__file__).name}",
            200,
            {"wsgi": "falcon.routing.static.StaticRoute", "asgi": "falcon.routing.static.StaticRouteAsync"},
        ),
        ("/nowhere", 404, {}),
    ],
)
def test_a_sink_and_files_have_no_route_and_say_who_answers(
    recorder: Recorder, way: str, path: str, status: int, answering: dict[str, str]
) -> None:
    span = requested(recorder, way, path)

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET", status)
    assert span.attributes.get("falcon.resource") == answering.get(way)
    assert span.status.is_unset


@pytest.mark.parametrize("way", WAYS)
def test_a_method_that_the_resource_lacks_keeps_its_route(recorder: Recorder, way: str) -> None:
    span = requested(recorder, way, "/item/3", method="DELETE")

    assert (span.name, span.attributes["http.response.status_code"]) == ("DELETE /item/{number}", 405)
    assert span.status.is_unset


def test_the_span_covers_a_stream_to_its_last_part(recorder: Recorder) -> None:
    body = application()(wsgi_server.environment("/stream"), lambda *_args: None)
    assert not trace.get_current_span().get_span_context().is_valid
    assert recorder.spans() == []
    assert b"".join(body) == b"abc"
    (span,) = recorder.take()
    assert span.name == "GET /stream"


@pytest.mark.parametrize("way", WAYS)
def test_an_application_made_before_instrumenting_is_traced(way: str) -> None:
    app = application(way)
    recorder = Recorder()
    with instrumented(FalconInstrumentor, recorder.provider):
        assert ask(way, "/item/1", app) == (200, b"item 1")
    assert [span.name for span in recorder.take()] == ["GET /item/{number}"]


@pytest.mark.parametrize("way", WAYS)
def test_the_caller_of_the_request_is_the_parent(recorder: Recorder, way: str) -> None:
    span = requested(recorder, way, "/item/1", traceparent=f"00-{7:032x}-{8:016x}-01")

    assert (span.context.trace_id, span.parent.span_id) == (7, 8)


def test_a_mount_of_the_server_is_part_of_the_route(recorder: Recorder) -> None:
    wsgi_server.asked(application(), "/item/3", SCRIPT_NAME="/shop")

    (span,) = recorder.take()
    assert (span.name, span.attributes["http.route"]) == ("GET /shop/item/{number}", "/shop/item/{number}")
    assert span.attributes["url.path"] == "/shop/item/3"


if HAS_ASGI:

    def test_an_asynchronous_application_makes_the_same_span(recorder: Recorder) -> None:
        span = requested(recorder, "asgi", "/item/3")

        assert (span.name, span.kind) == ("GET /item/{number}", SpanKind.SERVER)
        assert dict(span.attributes) == {
            "http.request.method": "GET",
            "url.scheme": "http",
            "url.path": "/item/3",
            "server.address": "shop.example",
            "server.port": 8080,
            "client.address": "127.0.0.1",
            "user_agent.original": "test",
            "network.protocol.version": "1.1",
            "asgi.version": "3.0",
            "asgi.spec_version": "2.3",
            "http.route": "/item/{number}",
            "http.response.status_code": 200,
            "falcon.resource": f"{__name__}.AsyncItem",
        }

    def test_an_asynchronous_stream_is_sent_whole_inside_one_span(recorder: Recorder) -> None:
        assert ask("asgi", "/stream") == (200, b"abc")
        assert [span.name for span in recorder.take()] == ["GET /stream"]

    def test_a_synchronous_resource_in_an_asynchronous_application_is_one_span(recorder: Recorder) -> None:
        from falcon.util import wrap_sync_to_async

        class Wrapped:
            on_get = staticmethod(wrap_sync_to_async(Item().on_get))

        app = application("asgi")
        app.add_route("/wrapped", Wrapped())
        assert ask("asgi", "/wrapped", app) == (200, b"item 1")
        (span,) = recorder.take()
        assert (span.name, span.attributes["falcon.resource"]) == ("GET /wrapped", f"{__name__}.Wrapped")


@pytest.mark.parametrize("way", WAYS)
def test_the_hooks_of_a_request_and_its_response_are_called_with_both(way: str, recorder: Recorder) -> None:
    FalconInstrumentor().uninstrument()
    called: list[Any] = []
    hooks = {
        "request_hook": lambda span, request: called.append((span.name, request.path)),
        "response_hook": lambda span, request, response: called.append((request.path, response.status[:3])),
    }
    with instrumented(FalconInstrumentor, recorder.provider, **hooks):
        ask(way, "/item/3")
        (span,) = recorder.take()
    assert called == [(span.name, "/item/3"), ("/item/3", "200")]
