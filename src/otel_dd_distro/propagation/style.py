"""The base of all header styles: extracts a context from headers, and injects one into them."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    TraceState,
    get_current_span,
)

from ..interruptions import pass_on
from ..local_trace import datadog_context
from ..local_trace.datadog_context import NO_PARENT, DatadogContext
from .headers import Headers

log = logging.getLogger("otel_dd_distro")

Put = Callable[[Any, str, str], None]
"""`Setter.set`: carrier, name, value."""

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)


class Found:
    """A context that one style found in a carrier.

    `trace_id` has 128 bits; it is 0 where only a sampling decision was found. `span_id` is 0 where the trace has no
    parent span. `datadog` may be given as what reads it: where another style has said it, nobody asks.
    """

    __slots__ = ("_datadog", "is_random", "span_id", "state", "style", "trace_id")

    def __init__(
        self,
        style: str,
        trace_id: int,
        span_id: int,
        datadog: DatadogContext | Callable[[], DatadogContext],
        state: TraceState | None = None,
        *,
        is_random: bool = False,
    ) -> None:
        self.style = style
        self.trace_id = trace_id
        self.span_id = span_id
        self._datadog = datadog
        self.state = state
        self.is_random = is_random

    @property
    def datadog(self) -> DatadogContext:
        if not isinstance(self._datadog, DatadogContext):
            self._datadog = self._datadog()
        return self._datadog

    def span_context(self) -> SpanContext:
        return SpanContext(self.trace_id, self.span_id or NO_PARENT, True, self.flags(), self.state)

    def flags(self) -> TraceFlags:
        """Sampled while undecided: then we decide, and must have recorded."""
        priority = self.datadog.priority
        return _SAMPLED if priority is None or priority > 0 else _NOT_SAMPLED

    def put_in(self, context: Context) -> Context:
        if self.trace_id:
            return datadog_context.attach_remote(context, NonRecordingSpan(self.span_context()), self.datadog)
        if get_current_span(context).get_span_context().trace_id:
            # What comes without a trace is for a trace that starts here.
            return context
        return datadog_context.attach_to(context, self.datadog)


class Style(TextMapPropagator):
    """One way to write a trace context into headers; a propagator of its own, too."""

    name: str

    @abstractmethod
    def find(self, headers: Headers) -> Found | None:
        """What the headers say; None where they say nothing, or anything malformed about the ids."""

    @abstractmethod
    def write(self, span: SpanContext, datadog: DatadogContext, carrier: Any, put: Put) -> None:
        """`span` is valid. Errors in propagated tags are left on `datadog.error`."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        if context is None:
            context = Context()
        try:
            found = self.find(Headers(carrier, getter))
            return found.put_in(context) if found else context
        except Exception as error:  # the carrier and its getter are other people's code
            pass_on(error)
            log.debug("Could not read %s headers", self.name, exc_info=True)
            return context

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        try:
            if context is None:
                context = get_current()
            span = get_current_span(context)
            span_context = span.get_span_context()
            if span_context.is_valid:
                datadog = datadog_context.resolve(context, span) or DatadogContext()
                self.write(span_context, datadog, carrier, setter.set)
        except Exception as error:  # the carrier and its setter are other people's code
            pass_on(error)
            log.debug("Could not write %s headers", self.name, exc_info=True)
