"""The WSGI middleware around and inside of applications, on real servers."""

from __future__ import annotations

import http.client
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from importlib import import_module
from typing import Any
from wsgiref.validate import validator

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as Theirs
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind

from otel_instrumentors.aiohttp import AiohttpInstrumentor
from otel_instrumentors.bottle import BottleInstrumentor
from otel_instrumentors.futures import FuturesInstrumentor
from otel_instrumentors.kernel import safety
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from otel_instrumentors.wsgi import OpenTelemetryMiddleware
from tests.otel_instrumentors.contract import Recorder, instrumented, names
from tests.otel_instrumentors.families.wsgi_server import asked, environment, serving

PARTS = 10_000


def teahouse(environ: dict[str, Any], start_response: Any) -> Any:
    """An application of nobody's framework."""
    if environ["PATH_INFO"] == "/failing":
        raise ValueError("no tea")
    if environ["PATH_INFO"] == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"x" for _ in range(PARTS))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"tea"]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def around(recorder: Recorder, application: Any = teahouse, **options: Any) -> OpenTelemetryMiddleware:
    return OpenTelemetryMiddleware(application, tracer_provider=recorder.provider, **options)


@pytest.mark.parametrize("server", ["aiohttp-wsgi", "waitress", "gevent", "wsgiref"])
def test_on_a_server_a_request_is_one_span_until_its_last_part(server: str, recorder: Recorder) -> None:
    with serving(server, validator(around(recorder, validator(teahouse)))) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for path, body in (("/tea", b"tea"), ("/stream", b"x" * PARTS)):
            connection.request("GET", path, headers={"traceparent": f"00-{7:032x}-{8:016x}-01"})
            assert connection.getresponse().read() == body
        connection.close()

    tea, stream = recorder.take()
    assert (tea.name, tea.kind, stream.name) == ("GET", SpanKind.SERVER, "GET")
    for span in (tea, stream):
        assert span.parent is not None
        assert (span.parent.trace_id, span.parent.span_id) == (7, 8)
    assert {
        key: (stream.attributes or {})[key] for key in ("url.path", "server.port", "http.response.status_code")
    } == {
        "url.path": "/stream",
        "server.port": port,
        "http.response.status_code": 200,
    }


def test_an_exception_reaches_the_server_and_is_on_the_span(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="no tea"):
        asked(around(recorder), "/failing")

    (span,) = recorder.take()
    assert (span.attributes or {})["error.type"] == "ValueError"


def test_queries_are_below_the_request_that_makes_them(recorder: Recorder) -> None:
    """Without the middleware each of them is a trace of its own."""

    def reading(environ: Any, start_response: Any) -> Any:
        database = sqlite3.connect(":memory:")
        database.execute("SELECT 1").fetchall()
        database.close()
        return teahouse(environ, start_response)

    with instrumented(Sqlite3Instrumentor, recorder.provider):
        asked(around(recorder, reading), "/")

    query, request = recorder.take()
    assert query.parent is not None
    assert query.parent.span_id == request.context.span_id


def test_below_a_traced_aiohttp_a_request_is_aiohttps_and_its_queries_are_below_that(recorder: Recorder) -> None:
    def reading(environ: Any, start_response: Any) -> Any:
        with closing(sqlite3.connect(":memory:")) as database:
            database.execute("SELECT 1").fetchall()
        return teahouse(environ, start_response)

    with ExitStack() as stack:
        for plugin in (AiohttpInstrumentor, FuturesInstrumentor, Sqlite3Instrumentor):
            stack.enter_context(instrumented(plugin, recorder.provider))
        port = stack.enter_context(serving("aiohttp-wsgi", around(recorder, reading)))
        connection = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)))
        for _ in range(2):
            connection.request("GET", "/tea", headers={"traceparent": f"00-{7:032x}-{8:016x}-01"})
            assert connection.getresponse().read() == b"tea"

    spans = recorder.take()
    requests = [span for span in spans if span.kind is SpanKind.SERVER]
    assert [(span.instrumentation_scope.name, span.parent.span_id) for span in requests] == [  # type: ignore[union-attr]
        ("otel_instrumentors.aiohttp", 8)
    ] * 2
    queries = [span for span in spans if span.name == "SELECT"]
    assert sorted(span.parent.span_id for span in queries if span.parent) == sorted(
        span.context.span_id for span in requests
    )


def flask() -> Any:
    from flask import Flask

    app = Flask("teahouse")
    app.add_url_rule("/items/<int:number>/", view_func=lambda number: str(number), endpoint="item")
    return app


def bottle() -> Any:
    from bottle import Bottle

    app = Bottle()
    app.get("/items/<number:int>/")(lambda number: str(number))
    return app


def django() -> Any:
    import_module("tests.otel_instrumentors.django_site")
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def falcon() -> Any:
    from falcon import App

    class Item:
        def on_get(self, _request: Any, response: Any, number: str) -> None:
            response.text = number

    app = App()
    app.add_route("/items/{number}/", Item())
    return app


def pyramid() -> Any:
    from pyramid.config import Configurator
    from pyramid.response import Response

    config = Configurator()
    config.add_route("item", "/items/{number}/")
    config.add_view(lambda _request: Response("item"), route_name="item")
    return config.make_wsgi_app()


def copying(application: Any) -> Any:
    """A middleware that passes a copy of the environment on."""
    return lambda environ, start_response: application(dict(environ), start_response)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (bottle, "GET /items/<number:int>/"),
        (django, "GET items/<int:n>/"),
        (falcon, "GET /items/{number}/"),
        (flask, "GET /items/<int:number>/"),
        (pyramid, "GET /items/{number}/"),
    ],
)
@pytest.mark.parametrize("is_copied", [False, True], ids=["alone", "with another between"])
def test_around_a_framework_that_is_traced_a_request_is_one_span_and_knows_its_route(
    make: Callable[[], Any], name: str, is_copied: bool, recorder: Recorder
) -> None:
    plugin = make.__name__
    instrumentor = getattr(import_module(f"otel_instrumentors.{plugin}"), f"{plugin.capitalize()}Instrumentor")
    with instrumented(instrumentor, recorder.provider):
        application = copying(make()) if is_copied else make()
        status, _ = asked(around(recorder, application), "/items/3/")

    assert status.startswith("200")
    (span,) = [span for span in recorder.take() if span.kind is SpanKind.SERVER]
    assert span.name == name
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "otel_instrumentors.wsgi"


def test_inside_of_a_framework_that_is_traced_it_makes_no_second_span(recorder: Recorder) -> None:
    with instrumented(BottleInstrumentor, recorder.provider):
        app = bottle()
        app.mount("/below/", around(recorder))
        assert asked(app, "/below/tea")[1] == b"tea"

    assert [span.instrumentation_scope.name for span in recorder.take() if span.instrumentation_scope] == [
        "otel_instrumentors.bottle"
    ]


def test_two_of_them_make_one_span_and_other_requests_their_own(recorder: Recorder) -> None:
    application = around(recorder, around(recorder))
    for _ in range(2):
        asked(application, "/")
    assert names(recorder.take()) == ["GET", "GET"]


def test_another_request_to_a_traced_application_inside_of_one_is_a_span_below_it(recorder: Recorder) -> None:
    with instrumented(BottleInstrumentor, recorder.provider):
        inner = bottle()

        def outer(environ: Any, start_response: Any) -> Any:
            asked(inner, "/items/4/")
            return teahouse(environ, start_response)

        asked(around(recorder, outer), "/")

    inside, request = recorder.take()
    assert inside.parent is not None
    assert inside.parent.span_id == request.context.span_id


def test_with_opentelemetrys_own_middleware_outside_theirs_makes_the_span(recorder: Recorder) -> None:
    asked(Theirs(around(recorder), tracer_provider=recorder.provider), "/")
    (span,) = recorder.take()
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "opentelemetry.instrumentation.wsgi"


def test_with_opentelemetrys_own_middleware_inside_there_is_one_server_span(recorder: Recorder) -> None:
    asked(around(recorder, Theirs(teahouse, tracer_provider=recorder.provider)), "/")
    theirs, ours = sorted(recorder.take(), key=lambda span: span.kind is SpanKind.SERVER)
    assert (theirs.kind, ours.kind) == (SpanKind.INTERNAL, SpanKind.SERVER)


def test_the_hooks_are_called_with_the_span_the_environment_and_the_answer(recorder: Recorder) -> None:
    told: list[Any] = []
    application = around(
        recorder,
        request_hook=lambda span, environ: told.append((span.is_recording(), environ["PATH_INFO"])),
        response_hook=lambda span, environ, *answer: told.append((span.is_recording(), environ["PATH_INFO"], *answer)),
    )
    asked(application, "/tea")

    headers = [("Content-Type", "text/plain"), ("Content-Length", "3")]
    assert told == [(True, "/tea"), (True, "/tea", "200 OK", headers)]


def test_hooks_may_break(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_args: Any) -> Any:
        raise KeyError("broken")

    safety._last_said.clear()
    assert asked(around(recorder, request_hook=broken, response_hook=broken), "/") == ("200 OK", b"tea")

    assert names(recorder.take()) == ["GET"]
    assert "broken" in caplog.text


def test_urls_that_are_excluded_make_no_span(recorder: Recorder) -> None:
    application = around(recorder, excluded_urls="health")
    assert [asked(application, path)[0] for path in ("/health", "/tea")] == ["200 OK"] * 2

    (span,) = recorder.take()
    assert (span.attributes or {})["url.path"] == "/tea"


def test_requests_are_measured_where_a_meter_provider_is_given(recorder: Recorder) -> None:
    reader = InMemoryMetricReader()
    asked(around(recorder, meter_provider=MeterProvider([reader])), "/")

    data = reader.get_metrics_data()
    assert data is not None
    points: dict[str, Any] = {
        metric.name: metric.data.data_points[0] for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    assert points["http.server.request.duration"].count == 1
    assert points["http.server.active_requests"].value == 0


def test_where_instrumentation_is_suppressed_there_is_no_span_and_the_environment_is_as_it_was(
    recorder: Recorder,
) -> None:
    seen: list[dict[str, Any]] = []

    def looking(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(dict(environ))
        return teahouse(environ, start_response)

    environ = environment("/")
    with suppress_instrumentation():
        around(recorder, looking)(environ, lambda *_args: None)
    assert seen == [environ]
    assert recorder.take() == []
