"""Zipkin's B3 headers, several or a single one."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import SpanContext

from ..local_trace.datadog_context import NO_PARENT, DatadogContext
from ..numbers import any_hex
from .headers import Headers
from .style import Found, Put, Style

SINGLE = "b3"
TRACE_ID = "x-b3-traceid"
SPAN_ID = "x-b3-spanid"
SAMPLED = "x-b3-sampled"
FLAGS = "x-b3-flags"

_PRIORITIES = {"0": 0, "1": 1, "d": 2}


class B3Propagator(Style):
    """Reads and writes the single header: `traceid-spanid-sampled`."""

    name = "b3"

    def find(self, headers: Headers) -> Found | None:
        text = headers.one(SINGLE)
        if not text:
            return None
        parts = text.strip().split("-")
        if len(parts) == 1:
            priority = _PRIORITIES.get(parts[0])
            return None if priority is None else Found(self.name, 0, 0, DatadogContext(priority))
        return _found(self.name, parts[0], parts[1], _PRIORITIES.get(parts[2]) if len(parts) > 2 else None)

    def write(self, span: SpanContext, datadog: DatadogContext, carrier: Any, put: Put) -> None:
        if span.span_id == NO_PARENT:
            return
        text = f"{_trace_id(span.trace_id)}-{span.span_id:016x}"
        priority = datadog.priority
        if priority is not None:
            text += "-0" if priority <= 0 else "-1" if priority == 1 else "-d"
        put(carrier, SINGLE, text)

    @property
    def fields(self) -> set[str]:
        return {SINGLE}


class B3MultiPropagator(Style):
    """Reads and writes the x-b3-* headers."""

    name = "b3multi"

    def find(self, headers: Headers) -> Found | None:
        trace_id = headers.one(TRACE_ID)
        if trace_id is None:
            return None
        priority = {"0": 0, "1": 1}.get(headers.one(SAMPLED) or "")
        if headers.one(FLAGS) == "1":
            priority = 2
        return _found(self.name, trace_id.strip(), (headers.one(SPAN_ID) or "0").strip(), priority)

    def write(self, span: SpanContext, datadog: DatadogContext, carrier: Any, put: Put) -> None:
        if span.span_id == NO_PARENT:
            return
        put(carrier, TRACE_ID, _trace_id(span.trace_id))
        put(carrier, SPAN_ID, f"{span.span_id:016x}")
        priority = datadog.priority
        if priority is not None:
            if priority > 1:
                put(carrier, FLAGS, "1")
            else:
                put(carrier, SAMPLED, "1" if priority == 1 else "0")

    @property
    def fields(self) -> set[str]:
        return {TRACE_ID, SPAN_ID, SAMPLED, FLAGS}


def _found(style: str, trace_text: str, span_text: str, priority: int | None) -> Found | None:
    trace_id = any_hex(trace_text, 32)
    span_id = any_hex(span_text, 16)
    if trace_id is None or span_id is None or (not trace_id and priority is None):
        return None
    return Found(style, trace_id, span_id if trace_id else 0, DatadogContext(priority))


def _trace_id(trace_id: int) -> str:
    return f"{trace_id:032x}" if trace_id >> 64 else f"{trace_id:016x}"
