"""OpenTelemetry's own ASGI middleware, and one side of gRPC, beside ours: each call has one span, whoever makes it."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as Theirs
from opentelemetry.trace import SpanKind

from otel_instrumentors.asgi import OpenTelemetryMiddleware as Ours
from otel_instrumentors.starlette import StarletteInstrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented
from tests.otel_instrumentors.families.asgi_server import asked


async def teahouse(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"tea"})


def makers(recorder: Recorder, application: Any) -> list[str]:
    """By whom the server's spans of a request are."""
    assert asked(application, "/").status in (200, 404)
    served = [span for span in recorder.take() if span.kind is SpanKind.SERVER]
    return [span.instrumentation_scope.name for span in served if span.instrumentation_scope]


@pytest.mark.parametrize(("outside", "inside"), [(Ours, Theirs), (Theirs, Ours), (Ours, Ours)])
def test_the_middleware_that_is_outside_makes_the_one_span(outside: Any, inside: Any) -> None:
    recorder = Recorder()
    application = outside(inside(teahouse, tracer_provider=recorder.provider), tracer_provider=recorder.provider)
    assert makers(recorder, application) == [outside.__module__]


@pytest.mark.parametrize("middleware", [Ours, Theirs])
def test_around_a_framework_that_is_traced_the_middleware_makes_the_one_span(middleware: Any) -> None:
    from starlette.applications import Starlette

    recorder = Recorder()
    with instrumented(StarletteInstrumentor, recorder.provider):
        assert makers(recorder, middleware(Starlette(), tracer_provider=recorder.provider)) == [middleware.__module__]


@pytest.mark.parametrize(("side", "kind"), [("Client", "CLIENT"), ("Server", "SERVER")])
def test_one_side_of_grpc_that_is_theirs_leaves_the_other_to_ours(
    side: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry.instrumentation import grpc as package

    from otel_instrumentors.grpc import GrpcInstrumentor
    from tests.otel_instrumentors.test_grpc import ORDER, channel, running, take

    recorder = Recorder()
    # Their client takes no other.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", recorder.provider)
    theirs = getattr(package, f"GrpcInstrumentor{side}")()
    theirs.instrument()
    try:
        with instrumented(GrpcInstrumentor, recorder.provider), running() as server, channel(server.target) as made:
            made.unary_unary(ORDER)(b"tea")
            spans = take(recorder, 2)
    finally:
        theirs.uninstrument()
    by = {span.kind.name: span.instrumentation_scope.name for span in spans if span.instrumentation_scope}
    assert len(spans) == 2
    assert by == {"CLIENT": GrpcInstrumentor.__module__, "SERVER": GrpcInstrumentor.__module__} | {
        kind: package.__name__
    }


def test_a_client_with_a_transport_of_theirs_has_the_spans_of_that() -> None:
    import httpx
    from opentelemetry.instrumentation.httpx import SyncOpenTelemetryTransport

    from otel_instrumentors.httpx import HttpxInstrumentor

    recorder, called = Recorder(), []
    answering = httpx.MockTransport(lambda _request: httpx.Response(204))
    theirs = SyncOpenTelemetryTransport(
        answering, tracer_provider=recorder.provider, request_hook=lambda span, _request: called.append(span.name)
    )
    with instrumented(HttpxInstrumentor, recorder.provider):
        for transport in (theirs, answering):
            with httpx.Client(transport=transport) as client:
                client.get("http://shop.example/tea")
    by = [span.instrumentation_scope.name for span in recorder.take() if span.instrumentation_scope]
    assert by == ["opentelemetry.instrumentation.httpx", HttpxInstrumentor.__module__]
    assert called == ["GET"]
