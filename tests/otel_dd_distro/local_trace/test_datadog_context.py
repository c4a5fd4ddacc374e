"""The Datadog half of a context, and whom it belongs to."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from tests.otel_dd_distro.propagation.carriers import SPAN, TRACE, local


def test_it_belongs_to_the_trace_it_came_with() -> None:
    datadog = DatadogContext(1)
    context = local(datadog)
    assert datadog_context.of(context) is datadog
    assert datadog_context.of(Context()) is None
    other = set_span_in_context(NonRecordingSpan(SpanContext(TRACE + 1, SPAN, True)), context)
    assert datadog_context.of(other) is None
    assert datadog_context.of(set_span_in_context(INVALID_SPAN, context)) is None


def test_another_trace_is_never_written_with_it() -> None:
    span = NonRecordingSpan(SpanContext(TRACE + 1, SPAN, True, TraceFlags(0)))
    context = set_span_in_context(span, local(DatadogContext(2, "rum")))
    assert datadog_context.resolve(context, span) == DatadogContext(0)


def test_where_nothing_was_attached_flags_and_state_are_asked() -> None:
    state = TraceState([("dd", "s:2;o:rum;p:00000000000000ab;t.dm:-4")])
    context = local(state=state)
    expected = DatadogContext(2, "rum", {"_dd.p.dm": "-4"}, "00000000000000ab")
    assert datadog_context.resolve(context, get_current_span(context)) == expected
    context = local(sampled=False)
    assert datadog_context.resolve(context, get_current_span(context)) == DatadogContext(0)


def test_links_travel_beside_it() -> None:
    assert datadog_context.links_of(Context()) == ()
    assert datadog_context.links_of(datadog_context.attach_links(Context(), [])) == ()
