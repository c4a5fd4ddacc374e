"""Contexts and carriers that the tests of propagation share."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.datadog_context import DatadogContext

LOW = 123456789
HIGH = 0x640CFD8D00000000
TRACE = HIGH << 64 | LOW
SPAN = 0x00F067AA0BA902B7
TRACE_HEX, SPAN_HEX = f"{TRACE:032x}", f"{SPAN:016x}"


def local(
    datadog: DatadogContext | None = None,
    trace_id: int = TRACE,
    state: TraceState | None = None,
    sampled: bool = True,
    remote: bool = False,
) -> Context:
    """A context whose current span is one of this process."""
    span = SpanContext(trace_id, SPAN, remote, TraceFlags(sampled), state)
    context = set_span_in_context(NonRecordingSpan(span), Context())
    return context if datadog is None else datadog_context.attach_to(context, datadog)


def written(propagator: TextMapPropagator, context: Context) -> dict[str, str]:
    carrier: dict[str, str] = {}
    propagator.inject(carrier, context)
    return carrier


def ids(context: Context) -> tuple[int, int] | None:
    """Trace and span id of the current span; None without one."""
    span = get_current_span(context).get_span_context()
    return (span.trace_id, span.span_id) if span.is_valid else None
