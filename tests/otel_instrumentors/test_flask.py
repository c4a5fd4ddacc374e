"""Flask, called as a WSGI server calls it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from otel_instrumentors.flask import FlaskInstrumentor
from otel_instrumentors.semconv import headers
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


def application() -> Any:
    import flask

    app = flask.Flask("shop")

    @app.route("/item/<int:number>")
    def item(number: int) -> str:
        return f"item {number}"

    @app.route("/boom")
    def boom() -> str:
        raise ValueError("the view failed")

    @app.route("/stream")
    def stream() -> Any:
        def parts() -> Iterator[str]:
            for part in "abc":
                trace.get_tracer("app").start_span(f"part {part}").end()
                yield part

        return flask.Response(parts())

    @app.route("/only-post", methods=["POST"])
    def only_post() -> str:
        return "posted"

    @app.route("/slash/")
    def slash() -> str:
        return "slash"

    return app


class TestFlaskContract(Contract):
    instrumentor = FlaskInstrumentor

    @staticmethod
    def use() -> Any:
        with application().test_client() as client:
            response = client.get("/item/3?x=1")
            return response.status_code, response.get_data()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(FlaskInstrumentor, recorder.provider):
        yield recorder


def requested(recorder: Recorder, path: str, **options: Any) -> Any:
    with application().test_client() as client:
        response = client.open(path, **options)
        response.get_data()
    (span,) = recorder.take()
    return span


def test_a_request_is_a_server_span_named_by_its_route(recorder: Recorder) -> None:
    import importlib.metadata

    sent = {"User-Agent": "test", "Host": "shop.example:8080"}
    span = requested(recorder, "/item/3?x=1", headers=sent, environ_base={"REMOTE_ADDR": "127.0.0.1"})

    assert (span.name, span.kind) == ("GET /item/<int:number>", SpanKind.SERVER)
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
        "http.route": "/item/<int:number>",
        "http.response.status_code": 200,
        "flask.version": importlib.metadata.version("flask"),
        "flask.endpoint": "item",
        "flask.view_args.number": 3,
    }


def test_an_exception_of_the_view_is_on_the_span_and_the_client_gets_its_500(recorder: Recorder) -> None:
    span = requested(recorder, "/boom")

    assert span.status.status_code.name == "ERROR"
    assert span.attributes["http.response.status_code"] == 500
    assert span.attributes["error.type"] == "ValueError"
    (event,) = span.events
    assert event.attributes["exception.message"] == "the view failed"


def test_an_exception_that_escapes_is_recorded_once_and_raised(recorder: Recorder) -> None:
    app = application()
    app.testing = True
    with app.test_client() as client, pytest.raises(ValueError, match="the view failed"):
        client.get("/boom")

    (span,) = recorder.take()
    assert len(span.events) == 1
    assert span.attributes["http.route"] == "/boom"


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nope/7", "GET", 404), ("/only-post", "GET", 405), ("/slash", "GET", 308)]
)
def test_a_request_without_a_route_is_named_by_its_method(
    recorder: Recorder, path: str, method: str, status: int
) -> None:
    span = requested(recorder, path, method=method)

    assert span.name == method
    assert "http.route" not in span.attributes
    assert span.attributes["http.response.status_code"] == status
    assert span.status.is_unset


def test_the_span_covers_the_streamed_body_to_its_last_part(recorder: Recorder) -> None:
    import flask

    app = application()
    environ = flask.Flask("x").test_request_context("/stream").request.environ
    body = app(environ, lambda *_args: None)
    assert not trace.get_current_span().get_span_context().is_valid
    assert recorder.spans() == []
    assert b"".join(body) == b"abc"
    (span,) = recorder.take()
    assert span.name == "GET /stream"
    body.close()
    assert recorder.take() == []


def test_a_client_that_goes_away_ends_the_span_once(recorder: Recorder) -> None:
    import flask

    app = application()
    environ = flask.Flask("x").test_request_context("/stream").request.environ
    body = app(environ, lambda *_args: None)
    assert next(iter(body)) == b"a"
    body.close()
    body.close()

    (span,) = recorder.take()
    assert span.status.is_unset


def test_an_application_created_before_instrumenting_is_traced() -> None:
    app = application()
    recorder = Recorder()
    with instrumented(FlaskInstrumentor, recorder.provider):
        assert app.test_client().get("/item/1").get_data() == b"item 1"
    assert [span.name for span in recorder.take()] == ["GET /item/<int:number>"]


def test_an_application_served_without_its_call_method_is_traced(recorder: Recorder) -> None:
    from flask import Response
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    from werkzeug.test import Client

    mounted = DispatcherMiddleware(application().wsgi_app, {"/shop": application().wsgi_app})
    assert Client(mounted, Response).get("/shop/item/4").get_data() == b"item 4"

    (span,) = recorder.take()
    assert span.attributes["url.path"] == "/shop/item/4"
    assert span.attributes["http.route"] == "/item/<int:number>"
    assert span.attributes["flask.script_root"] == "/shop"


def test_an_application_that_a_middleware_had_wrapped_before_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    from werkzeug.middleware.proxy_fix import ProxyFix

    app, other, recorder = application(), application(), Recorder()
    app.wsgi_app = ProxyFix(app.wsgi_app)
    with instrumented(FlaskInstrumentor, recorder.provider):
        assert app.test_client().get("/item/1").get_data() == b"item 1"
        other.wsgi_app = ProxyFix(other.wsgi_app)
        assert other.test_client().get("/item/2").get_data() == b"item 2"

    assert [span.attributes["url.path"] for span in recorder.take()] == ["/item/2"]
    assert [record.getMessage() for record in caplog.records if record.name == "otel_instrumentors"] == [
        "1 Flask applications whose wsgi_app was wrapped before they were instrumented are not traced"
    ]


def test_the_caller_of_the_request_is_the_parent(recorder: Recorder) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    span = requested(recorder, "/item/1", headers={"traceparent": f"00-{trace_id}-{span_id}-01"})

    assert f"{span.context.trace_id:032x}" == trace_id
    assert f"{span.parent.span_id:016x}" == span_id


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"REQUEST_METHOD": "BREW"}, {"http.request.method": "_OTHER", "http.request.method_original": "BREW"}),
        ({"PATH_INFO": "/caf\u00c3\u00a9 \u00ff"}, {"url.path": "/caf%C3%A9%20%EF%BF%BD"}),
        ({"HTTP_HOST": "[::1]:99"}, {"server.address": "[::1]", "server.port": 99}),
        ({"HTTP_HOST": "a:b:c"}, {"server.address": "a:b:c"}),
        ({"HTTP_HOST": "", "SERVER_NAME": "me", "SERVER_PORT": "81"}, {"server.address": "me", "server.port": 81}),
        ({"wsgi.url_scheme": "https", "HTTP_HOST": "h:443"}, {"server.address": "h", "url.scheme": "https"}),
        ({"SERVER_PROTOCOL": "odd"}, {"url.path": "/"}),
        ({"HTTP_REFERER": "https://me:pw@Shop.example:8443/a?b#c"}, {"http.request.referrer_host": "shop.example"}),
        ({"HTTP_REFERER": "http://[::1]:80"}, {"http.request.referrer_host": "::1"}),
        ({"HTTP_REFERER": "about:blank"}, {"url.path": "/"}),
        ({"QUERY_STRING": "Signature=1&b=2"}, {"url.query": "Signature=REDACTED&b=2"}),
    ],
)
def test_odd_requests_are_described_as_far_as_they_go(environ: dict[str, str], expected: dict[str, Any]) -> None:
    from otel_instrumentors.families import wsgi

    attributes = dict(wsgi.request(environ).attributes or {})
    assert {key: attributes.get(key) for key in expected} == expected


def test_headers_that_are_asked_for_are_on_the_span(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(headers.VARIABLES + "SERVER_REQUEST", "x-tea,x-cup,missing")
    monkeypatch.setenv(headers.VARIABLES + "SERVER_RESPONSE", "Content-Length")
    headers.captured.cache_clear()
    try:
        span = requested(recorder, "/item/3", headers={"X-Tea": "green", "Cookie": "a=1", "X-Cup": "blue"})
    finally:
        headers.captured.cache_clear()

    captured = {key: value for key, value in span.attributes.items() if ".header." in key}
    assert captured == {
        "http.request.header.x-tea": ("green",),
        "http.request.header.x-cup": ("blue",),
        "http.response.header.content-length": ("6",),
    }


def test_without_propagation_the_callers_trace_is_not_continued() -> None:
    parent = {"traceparent": f"00-{7:032x}-{8:016x}-01"}
    recorder = Recorder()
    with instrumented(FlaskInstrumentor, recorder.provider):
        assert requested(recorder, "/item/3", headers=parent).context.trace_id == 7
    with instrumented(FlaskInstrumentor, recorder.provider, propagate=False):
        span = requested(recorder, "/item/3", headers=parent)
    assert span.parent is None
    assert span.context.trace_id != 7
