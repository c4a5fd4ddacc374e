"""The short way through translation leads where the long one leads."""

from __future__ import annotations

import logging
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.span import TraceState

from otel_dd_distro import settings as settings_module
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.tracing import Span, TracerProvider
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.conventions.otel import CONVENTIONS
from otel_dd_distro.translate.names import BY_SCOPE
from tests.otel_dd_distro.tracing.gathered import Gathered

ENVIRON = {"DD_SERVICE": "shop", "DD_ENV": "test", "DD_VERSION": "7", "DD_TAGS": "team:t"}
TRANSLATOR = Translator(settings_module.read(ENVIRON, []))
BY_USER = {
    "DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1",
    "DD_SERVICE_MAPPING": "redis:cache",
    "DD_REQUESTS_SPLIT_BY_DOMAIN": "true",
}
CHOSEN = Translator(settings_module.read(BY_USER, ["/x/app.py"]))
INFERRED = Translator(settings_module.read({"DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED": "true"}, ["/x/app.py"]))


def provider(attributes: dict[str, Any]) -> TracerProvider:
    """One whose light spans are left as they are when they end: nobody but us looks at them."""
    return Gathered(resource=Resource(attributes)).provider


PROVIDERS = [
    provider(attributes) for attributes in ({}, {"service.name": "own", "a": 1}, {"http.request.method": "GET"})
]

keys = st.sampled_from(
    [
        *sorted(CONVENTIONS),
        "a",
        "b.c",
        "é",
        "k" * 300,
        "env",
        "version",
        "gen_ai.system",
        "http.request.header.x",
        "http.useragent",
        "manual.keep",
        "otel.trace_id",
        "peer.service",
        "service.name",
        "span.kind",
    ]
)
values = (
    st.text(max_size=5)
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.booleans()
    | st.lists(st.text(max_size=2), max_size=2)
    | st.just("\ud800")
    | st.just("long" * 7_000)
)
# What decides an operation, a service or a failure.
deciding = st.fixed_dictionaries(
    {},
    optional={
        "aws.service": st.sampled_from(["sqs", "s3", ""]),
        "celery.state": st.sampled_from(["SUCCESS", "RETRY", 5]),
        "code.function.name": st.just("shop.view"),
        "db.driver.call": st.sampled_from(["execute", "commit", "GET"]),
        "db.namespace": st.sampled_from(["shop", "", 5]),
        "db.operation.name": st.sampled_from(["SELECT", "GET"]),
        "db.query.text": st.sampled_from(["SELECT 1", "", 5]),
        "db.row_count": st.just(2),
        "django.step": st.sampled_from(["view", "render", "cache", "nothing"]),
        "grpc.api": st.sampled_from(["grpc", "grpc.aio"]),
        "http.request.method": st.sampled_from(["GET", "_OTHER", "", 5]),
        "http.response.status_code": st.sampled_from([200, 404, 503, "500", 5.5]),
        "http.route": st.sampled_from(["/cart/{id}", "", "cart"]),
        "messaging.destination.name": st.sampled_from(["cart", ""]),
        "messaging.operation.name": st.sampled_from(["publish", "receive", "run"]),
        "messaging.operation.type": st.sampled_from(["send", "process", ""]),
        "rpc.method": st.sampled_from(["shop.Cart/Add", ""]),
        "rpc.system": st.sampled_from(["grpc", "aws-api"]),
        "server.address": st.sampled_from(["shop.example", ""]),
        "server.port": st.sampled_from([80, "80", 8080]),
        "template.operation": st.sampled_from(["render", "load"]),
        "url.full": st.sampled_from(["http://shop.example/cart?a=b", "nothing"]),
        "url.path": st.sampled_from(["/cart", ""]),
        "url.query": st.just("a=b"),
    },
)
simple = st.dictionaries(st.sampled_from(["a", "b.c", "é", "k" * 300, "env", "version"]), values, max_size=4)
attributes = simple | deciding | deciding | st.dictionaries(keys, values, max_size=4)


@settings(deadline=None, max_examples=400)
@given(
    given=st.lists(attributes, min_size=1, max_size=4),
    kind=st.sampled_from(SpanKind),
    provider=st.sampled_from(PROVIDERS),
    scope=st.sampled_from([("scope", "1"), ("scope", None), ("", None), *((name, "1") for name in sorted(BY_SCOPE))]),
    name=st.sampled_from(["name", "é", "\ud800", "n" * 6_000, 5]),
    state=st.sampled_from([None, TraceState([("vendor", "v")])]),
    failed=st.sampled_from([False, False, True]),
    translator=st.sampled_from([TRANSLATOR, CHOSEN, INFERRED]),
)
def test_a_light_span_is_translated_as_any_other_span_that_says_the_same(
    given: list[dict[str, Any]],
    kind: SpanKind,
    provider: TracerProvider,
    scope: tuple[str, str | None],
    name: Any,
    state: TraceState | None,
    failed: bool,
    translator: Translator,
) -> None:
    logging.disable(logging.ERROR)
    tracer = provider.get_tracer(*scope)
    remote = NonRecordingSpan(SpanContext(2**70, 3, True, None, state))
    root = tracer.start_span(name, set_span_in_context(remote) if state else Context(), kind, given[0])
    spans = [root]
    for more in given[1:]:
        spans.append(tracer.start_span(name, set_span_in_context(root), kind, more))
    if failed:
        spans[-1].set_status(Status(StatusCode.ERROR, "broken"))
    light = [span for span in spans if isinstance(span, Span)]
    assert len(light) == len(given)
    for span in reversed(light):
        span.end()

    def translated(chunk: list[Any]) -> list[dict[str, Any]]:
        chunk.reverse()
        return translator.chunk(Chunk(chunk, DatadogContext(priority=1), False, {}), native_events=True)

    short = translated(list(light))
    # What the SDK would have handed on, in which nothing is light.
    others = [span._readable_span() for span in light]
    for other in others:
        del other.local_trace  # type: ignore[attr-defined]
    long = translated(others)
    logging.disable(logging.NOTSET)
    assert short == long or repr(short) == repr(long)


def test_a_trace_state_is_told_by_the_first_span_of_a_chunk_that_has_it() -> None:
    gathered = Gathered()
    remote = NonRecordingSpan(SpanContext(2**70, 3, True, None, TraceState([("vendor", "v")])))
    with gathered.tracer.start_as_current_span("root", set_span_in_context(remote)):
        for _ in range(3):
            with gathered.tracer.start_as_current_span("child"):
                pass
    (chunk,) = gathered.chunks
    # What is not light is translated the long way.
    others = [span._readable_span() for span in chunk.spans if isinstance(span, Span)]
    for spans in (chunk.spans, others):
        entries = TRANSLATOR.chunk(chunk._replace(spans=spans), native_events=True)
        told = [entry["meta"].get("w3c.tracestate") for entry in entries]
        assert told == ["vendor=v", None, None, None]
