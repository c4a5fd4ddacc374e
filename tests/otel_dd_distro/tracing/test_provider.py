"""The light tracer and the plain one of the SDK give the same traces; the environment chooses."""

from __future__ import annotations

import pytest
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer, set_span_in_context

from otel_dd_distro import configurator, tracing
from otel_dd_distro import settings as settings_module
from otel_dd_distro.gathering import DatadogSpanProcessor, LocalTraces
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.translate import Translator


class Counted(IdGenerator):
    def __init__(self) -> None:
        self.next = 1 << 64

    def generate_span_id(self) -> int:
        self.next += 1
        return self.next & (1 << 60) - 1

    def generate_trace_id(self) -> int:
        self.next += 1
        return self.next


class Nowhere:
    def flush(self, timeout_s: float) -> bool:
        return True

    def shutdown(self, timeout_s: float) -> None:
        pass


def program(tracer: Tracer) -> None:
    """Everything that a span may be given, at times that can be told beforehand."""
    root = tracer.start_span("GET /", kind=SpanKind.SERVER, attributes={"http.request.method": "GET"}, start_time=100)
    below = set_span_in_context(root)
    for number in range(7):
        span = tracer.start_span(f"step {number}", below, start_time=200 + number)
        span.set_attributes({"text": "é", "whole": number, "real": 0.5, "yes": True, "many": [1, 2], "raw": b"\xff"})
        span.set_attribute("service.name", "other" if number == 3 else "")
        span.end(300 + number)
    linked = tracer.start_span(
        "linked", below, links=[Link(SpanContext(5, 6, True, TraceFlags(1)), {"l": 1})], start_time=5
    )
    linked.add_event("happened", {"k": ["v"]}, timestamp=7)
    linked.add_link(SpanContext(7, 8, True))
    linked.set_status(Status(StatusCode.ERROR, "broken"))
    late = tracer.start_span("below linked", set_span_in_context(linked), start_time=6)
    linked.end(8)
    late.end(9)
    tracer.start_span("later", set_span_in_context(linked), start_time=10).end(11)
    root.end(400)


@pytest.mark.parametrize("part", [300, 3])
def test_both_tracers_give_the_same_datadog_spans(part: int) -> None:
    translator = Translator(settings_module.read({"DD_SERVICE": "shop", "DD_ENV": "test"}, []))
    sent = []
    for provider_class in (sdk.TracerProvider, tracing.TracerProvider):
        chunks: list[Chunk] = []
        provider = provider_class(
            ALWAYS_ON, Resource({"service.name": "shop"}), shutdown_on_exit=False, id_generator=Counted()
        )
        provider.add_span_processor(DatadogSpanProcessor(LocalTraces(chunks.append, part=part), Nowhere()))
        program(provider.get_tracer("shop", "1.0"))
        sent.append([translator.chunk(chunk, native_events=True) for chunk in chunks])
    assert sent[0] == sent[1]
    assert sum(map(len, sent[0])) == 11


@pytest.mark.parametrize(("value", "expected"), [("true", tracing.TracerProvider), ("false", tracing.ForkingProvider)])
def test_the_environment_chooses_the_tracer(value: str, expected: type) -> None:
    environ = {"OTEL_DD_LIGHT_TRACER": value, "OTEL_TRACES_EXPORTER": "none"}
    provider = configurator._provider(settings_module.read(environ, []), None)
    assert type(provider) is expected
    provider.shutdown()


def test_one_scope_has_one_tracer_that_is_the_sdks_too() -> None:
    provider = tracing.TracerProvider(shutdown_on_exit=False)
    tracers = [provider.get_tracer("a", "1"), provider.get_tracer("a", "1"), provider.get_tracer("b")]
    assert all(type(tracer) is tracing.Tracer and isinstance(tracer, sdk.Tracer) for tracer in tracers)
    assert tracers[0].instrumentation_info.name == "a"
    assert isinstance(provider, sdk.TracerProvider)
    assert isinstance(provider.id_generator, RandomIdGenerator)


def test_a_disabled_sdk_has_no_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    span = tracing.TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("nothing")
    assert not span.is_recording()
