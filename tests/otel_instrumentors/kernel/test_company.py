"""OpenTelemetry's own instrumentors of Flask and of WSGI beside ours: a request has one server span."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import flask
import pytest
from opentelemetry.instrumentation.flask import FlaskInstrumentor as Theirs
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.trace import SpanKind

from otel_instrumentors.flask import FlaskInstrumentor
from otel_instrumentors.kernel import company
from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.company import company_of
from tests.otel_instrumentors.contract import Recorder, boom, instrumented


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    with instrumented(FlaskInstrumentor, made.provider):
        yield made


def asked(app: Any, recorder: Recorder) -> list[tuple[str, str]]:
    """Who made which span of one request: the last word of the scope, and the kind."""
    with app.test_client() as client:
        assert client.get("/tea").get_data() == b"tea"
    spans = [(span.instrumentation_scope, span.kind.name) for span in recorder.take()]
    return [(scope.name.partition(".")[0], kind) for scope, kind in spans if scope is not None]


def application() -> flask.Flask:
    app = flask.Flask("shop")
    app.add_url_rule("/tea", "tea", lambda: "tea")
    return app


OURS, THEIRS = [("otel_instrumentors", "SERVER")], [("opentelemetry", "SERVER")]


def test_an_application_that_theirs_is_at_work_for_is_left_to_it_and_its_hooks_are_called(recorder: Recorder) -> None:
    app, other = application(), application()
    called: list[str] = []

    def hook(span: Any, _environ: Any) -> None:
        called.append(span.name)

    Theirs().instrument_app(app, tracer_provider=recorder.provider, request_hook=hook)
    assert (asked(app, recorder), asked(other, recorder)) == (THEIRS, OURS)
    assert called == ["GET /tea"]
    Theirs().uninstrument_app(app)
    assert asked(app, recorder) == OURS


def test_theirs_instruments_what_is_made_from_then_on_and_ours_the_rest(recorder: Recorder) -> None:
    before = application()
    Theirs().instrument(tracer_provider=recorder.provider)
    try:
        after = application()
        assert (asked(before, recorder), asked(after, recorder)) == (OURS, THEIRS)
    finally:
        Theirs().uninstrument()


def test_their_middleware_around_an_application_has_the_span(recorder: Recorder) -> None:
    app = application()
    app.wsgi_app = OpenTelemetryMiddleware(app.wsgi_app, tracer_provider=recorder.provider)  # type: ignore[method-assign]
    assert asked(app, recorder) == THEIRS


def test_a_call_inside_a_span_of_theirs_for_the_same_library_is_left_to_it(recorder: Recorder) -> None:
    found = company_of("flask", "flask.app", is_server=True)
    assert found is not None
    call = Call(object(), (), {})
    assert not found.traces(call)
    tracer = recorder.provider.get_tracer("opentelemetry.instrumentation.flask")
    with tracer.start_as_current_span("theirs", kind=SpanKind.SERVER) as span:
        assert found.traces(call)
        assert company.Company.serves(SpanSpec("x", SpanKind.SERVER))
        assert not company.Company.serves(SpanSpec("x", SpanKind.CONSUMER))
        span.end()
        assert not found.traces(call)
        assert not company.Company.serves(SpanSpec("x", SpanKind.SERVER))
    with recorder.provider.get_tracer("opentelemetry.instrumentation.requests").start_as_current_span("another"):
        assert not found.traces(call)


def test_one_that_is_at_work_for_a_whole_library_has_all_of_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "_FOR_OBJECTS", frozenset())
    found = company_of("flask", "flask.app", is_server=False)
    assert found is not None
    call = Call(None, (), {})
    assert not found.traces(call)
    Theirs().instrument()
    try:
        assert found.traces(call)
    finally:
        Theirs().uninstrument()
    assert not found.traces(call)


def test_where_none_of_theirs_is_installed_nothing_is_asked() -> None:
    assert company_of("redis", "redis.client", is_server=False) is None
    assert company._watching("mysql.connector.cursor") == ("mysql",)
    assert company._watching("aiohttp.client") == ("aiohttp_client",)
    assert company._watching("aiohttp.web_protocol") == ("aiohttp_server",)
    assert company._watching("concurrent.futures.thread") == ("concurrent",)


def test_a_library_below_its_own_is_watched_for_a_plugin_by_who_watches_the_latter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert company._BELOW["celery"] == "kombu"
    monkeypatch.setattr(company, "_BELOW", {"flask": "werkzeug"})
    assert company_of("flask", "werkzeug.serving", is_server=False) is not None
    assert company_of("werkzeug", "werkzeug.serving", is_server=False) is None


def test_one_that_leaves_what_is_wrapped_alone_is_company_only_where_it_came_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(company, "_STEPPING_BACK", frozenset(("flask",)))
    assert company_of("flask", "flask.app", is_server=False) is None
    Theirs().instrument()
    try:
        assert company_of("flask", "flask.app", is_server=False) is not None
    finally:
        Theirs().uninstrument()


@pytest.mark.parametrize(
    ("started", "modules"),
    [
        ("GrpcInstrumentorClient", {"grpc._channel"}),
        ("GrpcInstrumentorServer", {"grpc._server"}),
        ("GrpcAioInstrumentorServer", {"grpc.aio._server"}),
        ("HTTPX2ClientInstrumentor", {"httpx2._client"}),
        ("HTTPXClientInstrumentor", {"httpx._client"}),
        ("AiobotocoreInstrumentor", {"aiobotocore.client"}),
        ("BotocoreInstrumentor", {"botocore.client"}),
        ("AnotherInstrumentor", {"anything"}),
    ],
)
def test_of_several_in_one_package_each_is_company_for_what_it_watches(
    started: str, modules: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = ModuleType(f"{company.PACKAGE}.made_up")
    members = {"__module__": package.__name__, "_instance": None, "instrumentation_dependencies": lambda _self: ()}
    made = type(started, (BaseInstrumentor,), {**members, "_instrument": boom, "_uninstrument": boom})
    setattr(package, started, made)
    monkeypatch.setitem(sys.modules, package.__name__, package)
    assert not any(company._is_started(package.__name__, module) for module in (*WATCHED, "anything"))
    made()._is_instrumented_by_opentelemetry = True  # type: ignore[attr-defined]
    found = {module for module in WATCHED if company._is_started(package.__name__, module)}
    assert found == (modules if modules != {"anything"} else WATCHED)


WATCHED = {
    *("grpc._channel", "grpc._server", "grpc.aio._channel", "grpc.aio._server"),
    *("httpx._client", "httpx2._client", "aiobotocore.client", "botocore.client"),
}


def test_a_client_inside_a_request_to_their_server_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    client, server = (company.Company(("grpc",), module) for module in ("grpc._channel", "grpc._server"))
    tracer = recorder.provider.get_tracer("opentelemetry.instrumentation.grpc")
    call = Call(object(), (), {})
    with tracer.start_as_current_span("theirs", kind=SpanKind.SERVER):
        assert (client.traces(call), server.traces(call)) == (False, True)
    with tracer.start_as_current_span("theirs", kind=SpanKind.CLIENT):
        assert client.traces(call)
