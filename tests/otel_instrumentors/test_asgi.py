"""The ASGI middleware around and inside of applications; on real servers in families/test_asgi_servers.py."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind
from opentelemetry.util.http import parse_excluded_urls

from otel_instrumentors.asgi import OpenTelemetryMiddleware
from otel_instrumentors.kernel import aftermath, safety
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from otel_instrumentors.wsgi import OpenTelemetryMiddleware as WsgiMiddleware
from tests.otel_instrumentors.contract import Recorder, instrumented, names
from tests.otel_instrumentors.families.asgi_server import Client, asked, http_scope


async def teahouse(scope: dict[str, Any], receive: Any, send: Any) -> str:
    """An application of nobody's framework."""
    await receive()
    if scope["path"] == "/failing":
        raise ValueError("no tea")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-tea", b"green")]})
    await send({"type": "http.response.body", "body": b"tea"})
    return "done"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def around(recorder: Recorder, application: Any = teahouse, **options: Any) -> OpenTelemetryMiddleware:
    return OpenTelemetryMiddleware(application, tracer_provider=recorder.provider, **options)


def test_a_request_of_any_application_is_a_server_span(recorder: Recorder) -> None:
    client = asked(around(recorder), "/cups/2", query="page=1")

    assert (client.status, client.body) == (200, b"tea")
    (span,) = recorder.take()
    assert (span.name, span.kind) == ("GET", SpanKind.SERVER)
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "otel_instrumentors.asgi"
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/cups/2",
        "url.query": "page=1",
        "server.address": "shop.example",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "user_agent.original": "test",
        "network.protocol.version": "1.1",
        "asgi.version": "3.0",
        "asgi.spec_version": "2.3",
        "http.response.status_code": 200,
    }


def test_an_exception_reaches_the_server_and_is_on_the_span(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="no tea"):
        asked(around(recorder), "/failing")

    (span,) = recorder.take()
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ValueError"


def test_queries_are_below_the_request_that_makes_them(recorder: Recorder) -> None:
    """Without the middleware each of them is a trace of its own."""

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        database = sqlite3.connect(":memory:")
        database.execute("SELECT 1").fetchall()
        database.close()
        await teahouse(scope, receive, send)

    with instrumented(Sqlite3Instrumentor, recorder.provider):
        asked(around(recorder, reading), "/")

    query, request = recorder.take()
    assert query.parent is not None
    assert query.parent.span_id == request.context.span_id


DATASETTE = """
import sqlite3, sys
from contextlib import closing
from datasette.app import Datasette
from opentelemetry.trace import SpanKind
from otel_instrumentors.futures import FuturesInstrumentor
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented
from tests.otel_instrumentors.families.asgi_server import asked
from tests.otel_instrumentors.test_asgi import around

with closing(sqlite3.connect("shop.db")) as database:
    database.execute("CREATE TABLE books (title TEXT)")
    database.execute("INSERT INTO books VALUES ('Momo')")
    database.commit()
recorder = Recorder()
with instrumented(Sqlite3Instrumentor, recorder.provider), instrumented(FuturesInstrumentor, recorder.provider):
    application = around(recorder, Datasette(["shop.db"]).app())
    for path, status, content in (("/", 200, b"shop"), ("/shop/books.json", 200, b"Momo"), ("/films", 404, b"")):
        client = asked(application, path)
        assert client.status == status, client.messages
        assert content in client.body
        *queries, request = recorder.take()
        assert (request.name, request.kind, request.parent) == ("GET", SpanKind.SERVER, None)
        assert queries
        assert {query.context.trace_id for query in queries} == {request.context.trace_id}
        assert {query.kind for query in queries} == {SpanKind.CLIENT}
"""


def test_datasette_has_a_request_above_all_that_it_asks_its_databases(tmp_path: Path) -> None:
    """In a process of its own: Datasette keeps connections and threads for good."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", DATASETTE]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def starlette() -> Any:
    return import_module("tests.otel_instrumentors.test_starlette").application()


def fastapi() -> Any:
    return import_module("tests.otel_instrumentors.test_fastapi").application()


def falcon() -> Any:
    from falcon.asgi import App

    class Item:
        async def on_get(self, _request: Any, response: Any, number: str) -> None:
            response.text = number

    app = App()
    app.add_route("/item/{number}", Item())
    return app


def channels() -> Any:
    """Django below a router of protocols, as Channels has one."""
    import_module("tests.otel_instrumentors.django_site")
    from django.core.asgi import get_asgi_application

    served = get_asgi_application()

    async def routed(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await {"http": served}[scope["type"]](scope, receive, send)

    return routed


SITES = [
    pytest.param("django", channels, "/items/3/", "GET items/<int:n>/", id="django"),
    pytest.param("falcon", falcon, "/item/3", "GET /item/{number}", id="falcon"),
    pytest.param("fastapi", fastapi, "/item/3", "GET /item/{number}", id="fastapi"),
    pytest.param("starlette", starlette, "/item/3", "GET /item/{number:int}", id="starlette"),
]


def instrumentor(plugin: str) -> Any:
    return getattr(import_module(f"otel_instrumentors.{plugin}"), f"{plugin.capitalize()}Instrumentor")


def served(recorder: Recorder, application: Any, path: str) -> tuple[str, str]:
    """By which instrumentation is the one span of a request, and its name."""
    assert asked(application, path).status == 200
    (span,) = [span for span in recorder.take() if span.kind is SpanKind.SERVER]
    assert span.instrumentation_scope is not None
    return span.instrumentation_scope.name, span.name


@pytest.mark.parametrize(("plugin", "make", "path", "name"), SITES)
def test_around_a_framework_that_is_traced_a_request_is_one_span_and_knows_its_route(
    plugin: str, make: Callable[[], Any], path: str, name: str, recorder: Recorder
) -> None:
    with instrumented(instrumentor(plugin), recorder.provider):
        assert served(recorder, around(recorder, make()), path) == ("otel_instrumentors.asgi", name)


@pytest.mark.parametrize(("plugin", "make", "path", "name"), SITES[2:])
def test_inside_of_a_framework_that_is_traced_it_makes_no_second_span(
    plugin: str, make: Callable[[], Any], path: str, name: str, recorder: Recorder
) -> None:
    with instrumented(instrumentor(plugin), recorder.provider):
        application = make()
        application.add_middleware(OpenTelemetryMiddleware, tracer_provider=recorder.provider)
        application.mount("/below", around(recorder))
        assert served(recorder, application, path) == (f"otel_instrumentors.{plugin}", name)
        assert served(recorder, application, "/below/tea") == (f"otel_instrumentors.{plugin}", "GET /below")


def test_two_of_them_make_one_span_and_so_does_one_of_wsgi_below(recorder: Recorder) -> None:
    from asgiref.wsgi import WsgiToAsgi

    def wsgi(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"tea"]

    below = WsgiToAsgi(WsgiMiddleware(wsgi, tracer_provider=recorder.provider))
    for application in (around(recorder, around(recorder)), around(recorder, below)):
        assert served(recorder, application, "/") == ("otel_instrumentors.asgi", "GET")


def test_another_request_inside_of_one_is_a_span_below_it(recorder: Recorder) -> None:
    inner = around(recorder)

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await Client().request(inner, http_scope("/inside"))
        await inner(scope, receive, send)

    asked(around(recorder, outer), "/")
    inside, request = recorder.take()
    assert inside.parent is not None
    assert inside.parent.span_id == request.context.span_id


def test_the_hooks_are_called_with_the_span_the_scope_and_what_is_received_and_sent(recorder: Recorder) -> None:
    told: list[Any] = []
    hooks = {
        "server_request_hook": lambda span, scope: told.append((span.is_recording(), scope["path"])),
        "client_request_hook": lambda span, scope, message: told.append((scope["path"], message["type"])),
        "client_response_hook": lambda span, scope, message: told.append((scope["path"], message["type"])),
    }
    asked(around(recorder, **hooks), "/tea")

    sent = ["http.request", "http.response.start", "http.response.body"]
    assert told == [(True, "/tea"), *(("/tea", kind) for kind in sent)]


def test_the_span_has_the_name_and_the_attributes_that_the_application_gives_it(recorder: Recorder) -> None:
    def detail(scope: Any) -> tuple[str, dict[str, str]]:
        return f"tea {scope['method']}", {"cup": "big"}

    with instrumented(instrumentor("starlette"), recorder.provider):
        asked(around(recorder, starlette(), default_span_details=detail), "/item/3")

    (span,) = recorder.take()
    assert span.attributes is not None
    assert (span.name, span.attributes["cup"], span.attributes["http.route"]) == (
        "tea GET",
        "big",
        "/item/{number:int}",
    )


def test_what_the_application_gives_may_break(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_args: Any) -> Any:
        raise KeyError("broken")

    safety._last_said.clear()
    assert asked(around(recorder, default_span_details=broken, server_request_hook=broken), "/").status == 200

    assert names(recorder.take()) == ["GET"]
    assert "broken" in caplog.text


def test_headers_are_attributes_where_they_are_asked_for(recorder: Recorder) -> None:
    application = around(
        recorder,
        http_capture_headers_server_request=["x-cup", "x-key"],
        http_capture_headers_server_response=["x-.*"],
        http_capture_headers_sanitize_fields=["key"],
    )
    asked(application, "/", **{"x-cup": "big", "x-key": "secret", "x-other": "1"})

    (span,) = recorder.take()
    assert {key: value for key, value in (span.attributes or {}).items() if ".header." in key} == {
        "http.request.header.x-cup": ("big",),
        "http.request.header.x-key": ("[REDACTED]",),
        "http.response.header.x-tea": ("green",),
    }


@pytest.mark.parametrize(
    "excluded", ["health,ready", ["health"], parse_excluded_urls("health")], ids=["text", "list", "theirs"]
)
def test_urls_that_are_excluded_make_no_span(excluded: Any, recorder: Recorder) -> None:
    application = around(recorder, excluded_urls=excluded)
    assert [asked(application, path).status for path in ("/health", "/tea")] == [200, 200]

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


def test_an_argument_that_means_nothing_is_told(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        asked(around(recorder, meter=object(), exclude_spans=["send"]), "/")

    assert [record.getMessage() for record in caplog.records] == [
        "The instrumentor of asgi has no option meter: it is ignored"
    ]


def test_a_tracer_of_the_applications_own_makes_the_span(recorder: Recorder) -> None:
    asked(OpenTelemetryMiddleware(teahouse, tracer=recorder.provider.get_tracer("own")), "/")

    (span,) = recorder.take()
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "own"


def test_one_that_is_made_before_there_is_a_provider_has_its_spans(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    application = OpenTelemetryMiddleware(teahouse)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", recorder.provider)
    asked(application, "/")

    assert names(recorder.take()) == ["GET"]


def test_where_instrumentation_is_suppressed_there_is_no_span(recorder: Recorder) -> None:
    with suppress_instrumentation():
        assert asked(around(recorder), "/").body == b"tea"
    assert recorder.take() == []


def test_queries_of_a_websocket_begin_traces_of_their_own_when_its_handshake_is_long_over(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    async def chatting(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        for longest in (aftermath.LONGEST_NS, -1):
            monkeypatch.setattr(aftermath, "LONGEST_NS", longest)
            database = sqlite3.connect(":memory:")
            database.execute("SELECT 1").fetchall()
            database.close()

    async def sent(_message: Any) -> None:
        """To nobody."""

    scope = {**http_scope("/chat"), "type": "websocket", "scheme": "ws"}
    del scope["method"]
    with instrumented(Sqlite3Instrumentor, recorder.provider):
        asyncio.run(around(recorder, chatting)(scope, None, sent))

    handshake, soon, late = recorder.take()
    assert (handshake.name, (handshake.attributes or {})["http.response.status_code"]) == ("GET", 101)
    assert soon.parent is not None
    assert soon.parent.span_id == handshake.context.span_id
    assert late.parent is None
    assert [link.context.span_id for link in late.links] == [handshake.context.span_id]
