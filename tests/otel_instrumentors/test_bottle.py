"""Bottle, called as a WSGI server calls it."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import FileWrapper

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from otel_instrumentors.bottle import BottleInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.families.wsgi_server import asked, environment


def application() -> Any:
    import bottle

    app = bottle.Bottle()

    @app.route("/item/<number:int>", method=["GET", "POST"])
    def item(number: int) -> str:
        return f"item {number}"

    @app.route("/boom")
    def boom() -> str:
        raise ValueError("the view failed")

    @app.route("/stream")
    def stream() -> Iterator[str]:
        for part in "abc":
            trace.get_tracer("app").start_span(f"part {part}").end()
            yield part

    @app.route("/stream/broken")
    def broken() -> Iterator[str]:
        yield "a"
        raise ValueError("the body failed")

    @app.route("/stream/empty")
    def empty() -> Iterator[str]:
        raise ValueError("the body failed")
        yield "a"

    @app.route("/answer/<how>/<status:int>")
    def answer(how: str, status: int) -> Any:
        if how == "aborted":
            bottle.abort(status, "asked for")
        if how == "redirected":
            bottle.redirect("/item/1", status)
        if how == "set":
            bottle.response.status = status
            return "set"
        response = bottle.HTTPError(status, "no") if how == "failed" else bottle.HTTPResponse("made", status)
        if how == "raised":
            raise response
        return response

    @app.route("/file/<name>")
    def file(name: str) -> Any:
        return bottle.static_file(name, root=str(Path(__file__).parent))

    return app


class TestBottleContract(Contract):
    instrumentor = BottleInstrumentor

    @staticmethod
    def use() -> Any:
        return asked(application(), "/item/3", QUERY_STRING="x=1")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(BottleInstrumentor, recorder.provider):
        yield recorder


def requested(recorder: Recorder, path: str, app: Any = None, **options: Any) -> Any:
    asked(app or application(), path, **options)
    (span,) = recorder.take()
    return span


def test_a_request_is_a_server_span_named_by_its_route(recorder: Recorder) -> None:
    sent = {"HTTP_USER_AGENT": "test", "HTTP_HOST": "shop.example:8080", "REMOTE_ADDR": "127.0.0.1"}
    span = requested(recorder, "/item/3", QUERY_STRING="x=1", **sent)

    assert (span.name, span.kind) == ("GET /item/<number:int>", SpanKind.SERVER)
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
        "http.route": "/item/<number:int>",
        "http.response.status_code": 200,
    }


def test_an_exception_of_the_handler_is_on_the_span_and_the_client_gets_its_500(recorder: Recorder) -> None:
    assert asked(application(), "/boom")[0] == "500 Internal Server Error"

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert (span.name, span.attributes["http.response.status_code"]) == ("GET /boom", 500)
    assert span.attributes["error.type"] == "ValueError"
    (event,) = span.events
    assert event.attributes["exception.message"] == "the view failed"


def test_an_exception_that_escapes_is_recorded_once_and_raised(recorder: Recorder) -> None:
    app = application()
    app.catchall = False
    with pytest.raises(ValueError, match="the view failed"):
        asked(app, "/boom")

    (span,) = recorder.take()
    assert len(span.events) == 1
    assert span.attributes["http.route"] == "/boom"


def test_an_error_page_that_fails_itself_is_the_failure_of_the_request(recorder: Recorder) -> None:
    app = application()

    @app.error(404)
    def page(error: Any) -> str:
        raise KeyError("no page")

    span = requested(recorder, "/nowhere", app)
    assert span.attributes["http.response.status_code"] == 500
    assert span.attributes["error.type"] == "KeyError"


@pytest.mark.parametrize(
    ("how", "status"), [("aborted", 404), ("redirected", 303), ("raised", 418), ("returned", 404), ("failed", 409)]
)
def test_an_answer_below_500_is_no_error_even_if_it_is_raised(recorder: Recorder, how: str, status: int) -> None:
    span = requested(recorder, f"/answer/{how}/{status}")

    assert span.attributes["http.response.status_code"] == status
    assert span.attributes["http.route"] == "/answer/<how>/<status:int>"
    assert span.status.is_unset
    assert span.events == ()


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("aborted", "bottle.HTTPError"),
        ("raised", "bottle.HTTPResponse"),
        ("returned", "503"),
        ("failed", "503"),
        ("set", "503"),
    ],
)
def test_an_answer_of_500_and_above_is_an_error_and_an_exception_where_it_was_raised(
    recorder: Recorder, how: str, kind: str
) -> None:
    span = requested(recorder, f"/answer/{how}/503")

    assert (span.attributes["http.response.status_code"], span.attributes["error.type"]) == (503, kind)
    assert span.status.status_code.name == "ERROR"
    assert len(span.events) == (0 if kind == "503" else 1)


@pytest.mark.parametrize(("path", "method", "status"), [("/nope/7", "GET", 404), ("/item/3", "DELETE", 405)])
def test_a_request_without_a_route_is_named_by_its_method(
    recorder: Recorder, path: str, method: str, status: int
) -> None:
    span = requested(recorder, path, method=method)

    assert span.name == method
    assert "http.route" not in span.attributes
    assert span.attributes["http.response.status_code"] == status
    assert span.status.is_unset


def test_the_span_covers_a_generator_to_its_last_part(recorder: Recorder) -> None:
    body = application()(environment("/stream"), lambda *_args: None)
    assert not trace.get_current_span().get_span_context().is_valid
    assert recorder.spans() == []
    assert b"".join(body) == b"abc"
    (span,) = recorder.take()
    assert span.name == "GET /stream"
    body.close()
    assert recorder.take() == []


def test_a_body_that_breaks_off_is_an_error_and_one_that_never_begins_a_500(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="the body failed"):
        asked(application(), "/stream/broken")
    (span,) = recorder.take()
    assert (span.attributes["http.response.status_code"], span.attributes["error.type"]) == (200, "ValueError")

    span = requested(recorder, "/stream/empty")
    assert (span.attributes["http.response.status_code"], span.attributes["error.type"]) == (500, "ValueError")


def test_a_file_is_sent_by_the_server_and_the_span_lasts_until_then(recorder: Recorder) -> None:
    app = application()
    seen: list[Any] = []

    def server_side(environ: dict[str, Any], start_response: Any) -> Any:
        body = app(environ, start_response)
        seen.append((isinstance(body, FileWrapper), len(recorder.spans())))
        return body

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_args: Any) -> None:
            """Quiet."""

    with make_server("127.0.0.1", 0, server_side, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/file/test_bottle.py", timeout=60) as answer:
            assert answer.read() == Path(__file__).read_bytes()
        thread.join()
    assert seen == [(True, 0)]
    (span,) = recorder.take()
    assert (span.name, span.attributes["http.response.status_code"]) == ("GET /file/<name>", 200)


def test_the_routes_of_an_application_that_is_mounted_are_named_with_their_mount(recorder: Recorder) -> None:
    app = application()
    app.mount("/shop/", application())

    span = requested(recorder, "/shop/item/4", app)
    assert (span.name, span.attributes["http.route"]) == ("GET /shop/item/<number:int>", "/shop/item/<number:int>")
    assert span.attributes["url.path"] == "/shop/item/4"


def test_an_application_that_is_mounted_as_any_wsgi_application_makes_no_second_span(recorder: Recorder) -> None:
    app = application()
    app.mount("/shop/", application().wsgi)

    span = requested(recorder, "/shop/item/4", app, HTTP_TRACEPARENT=f"00-{7:032x}-{8:016x}-01")
    assert (span.context.trace_id, span.parent.span_id) == (7, 8)
    assert span.name == "GET /shop/item/<number:int>"
    assert span.attributes["http.route"] == "/shop/item/<number:int>"
    assert span.attributes["bottle.rule"] == "/item/<number:int>"
    assert span.attributes["url.path"] == "/shop/item/4"

    span = requested(recorder, "/shop/boom", app)
    assert (span.name, span.attributes["http.response.status_code"]) == ("GET /shop/boom", 500)
    # Bottle's mount raises another one in its place, of the same class and text.
    assert {event.attributes["exception.message"] for event in span.events} == {"the view failed"}


def test_another_framework_that_is_mounted_is_named_by_its_mount(recorder: Recorder) -> None:
    def other(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"other"]

    app = application()
    app.mount("/other/", other)

    assert asked(app, "/other/page") == ("200 OK", b"other")
    (span,) = recorder.take()
    assert span.name == "GET /other/<:re:.*>"


@pytest.fixture
def default_application() -> Iterator[Any]:
    import bottle

    yield bottle.default_app.push()
    bottle.default_app.pop()


def test_applications_made_before_instrumenting_are_traced_the_modules_own_among_them(default_application: Any) -> None:
    import bottle

    bottle.route("/tea")(lambda: "tea")
    before = application()
    recorder = Recorder()
    with instrumented(BottleInstrumentor, recorder.provider):
        assert asked(before, "/item/1") == ("200 OK", b"item 1")
        assert asked(default_application, "/tea") == ("200 OK", b"tea")
    assert [span.name for span in recorder.take()] == ["GET /item/<number:int>", "GET /tea"]


def test_the_caller_of_the_request_is_the_parent(recorder: Recorder) -> None:
    span = requested(recorder, "/item/1", HTTP_TRACEPARENT=f"00-{7:032x}-{8:016x}-01")

    assert (span.context.trace_id, span.parent.span_id) == (7, 8)
