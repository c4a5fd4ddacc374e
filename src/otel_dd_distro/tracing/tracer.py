"""The light tracer: starts spans by the shortest way that leads to the same spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
    get_current_span,
)
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from .. import forks
from ..ids import RandomIds, ShortTraceIds, random_bits
from ..local_trace.registry import MOST_OPEN_SPANS, RegistryProcessor
from .current import CurrentSpan, current
from .span import Span, context_of
from .terms import Terms

if TYPE_CHECKING:
    from opentelemetry import trace as api
    from opentelemetry.context import Context
    from opentelemetry.util import types

    from ..local_trace.registry import Registry

_INTERNAL = SpanKind.INTERNAL
_OUR_IDS = (RandomIds, ShortTraceIds)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
# Since SDK 1.43 the flags tell that ids are random.
_RANDOM: int = getattr(TraceFlags, "RANDOM_TRACE_ID", 0) if hasattr(IdGenerator, "is_trace_id_random") else 0
_SAMPLED_AND_RANDOM = TraceFlags(_SAMPLED | _RANDOM)
_new = object.__new__


class Tracer(sdk.Tracer):
    """A tracer as the SDK's; the SDK makes it, so that it has whatever this version of the SDK gives a tracer."""

    _terms: Terms | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        # Whatever is changed, what follows from it is worked out anew before the next span.
        super().__setattr__(name, value)
        super().__setattr__("_terms", None)

    def _settled(self) -> Terms:
        """What the spans have in common, and whether they may start the short way."""
        traces = self._own_traces()
        is_short = self.sampler is ALWAYS_ON and type(self.id_generator) in _OUR_IDS and self._is_on()
        terms = Terms(
            self.sampler,
            self.span_processor,
            self.instrumentation_info,
            self._span_limits,
            traces,
            traces if is_short else None,
        )
        super().__setattr__("_terms", terms)
        return terms

    def _own_traces(self) -> Registry | None:
        """Where our processor gathers spans, if it is the only one."""
        multiple = self.span_processor
        if type(multiple) is sdk.SynchronousMultiSpanProcessor and len(multiple._span_processors) == 1:
            (processor,) = multiple._span_processors
            if isinstance(processor, RegistryProcessor) and self._is_counting_nothing():
                return processor.registry
        return None

    def _is_on(self) -> bool:
        config = getattr(self, "_tracer_config", None)  # since SDK 1.40
        return config is None or config.is_enabled

    def _is_counting_nothing(self) -> bool:
        """Whether the SDK's metrics of its own spans, which came with 1.40, are off as they usually are."""
        metrics = getattr(self, "_tracer_metrics", None)
        return metrics is None or type(metrics).__name__ == "NoOpTracerMetrics"

    def start_as_current_span(  # type: ignore[override]
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = _INTERNAL,
        attributes: types.Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> CurrentSpan:
        entered = CurrentSpan()
        entered.tracer = self
        entered.name = name
        entered.context = context
        entered.kind = kind
        entered.attributes = attributes
        entered.links = links
        entered.start_time = start_time
        entered.record_exception = record_exception
        entered.set_status_on_exception = set_status_on_exception
        entered.end_on_exit = end_on_exit
        return entered

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = _INTERNAL,
        attributes: types.Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> api.Span:
        terms = self._terms
        if terms is None or terms.processors is not terms.multiple._span_processors:
            terms = self._settled()
        traces = terms.short
        if traces is None:
            return self._start_in_full(
                terms, name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        around = current() if context is None else context
        parent = around.get(_SPAN_KEY)
        if type(parent) is Span and (trace := parent.local_trace) is not None and trace.traces is traces:
            trace_id = parent.trace_id
            parent_id = parent.span_id
            held_parent: Span | SpanContext | None = parent
            flags = parent._flags
            state = parent._state
            if flags is not _SAMPLED_AND_RANDOM:
                held_parent = parent._context
                flags = TraceFlags(_SAMPLED | (flags & _RANDOM))
        elif parent is None:
            trace = held_parent = None
            parent_id = 0
            trace_id = self.id_generator.generate_trace_id()
            flags = _SAMPLED_AND_RANDOM
            state = DEFAULT_TRACE_STATE
        else:
            return self._start_in_full(
                terms, name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        span_id = random_bits(64) or 1

        # As Span._begin, without a call.
        span: Span = _new(Span)
        span.trace_id = trace_id
        span.span_id = span_id
        span.parent_id = parent_id
        span._flags = flags
        span._state = state
        span.held_context = None
        span.held_parent = held_parent
        span._terms = terms
        span._resource = self.resource
        span._instrumentation_scope = self._instrumentation_scope
        span._name = name
        span._kind = kind
        span._end_time = None
        span.held_attributes = {}
        span.held_events = None
        span.held_links = None
        if attributes:
            span.set_attributes(attributes)
        if links:
            span._links = span._new_links(links)
        if not record_exception or not set_status_on_exception:
            span._behave(record_exception, set_status_on_exception, None)
        span._start_time = terms.time_ns() if start_time is None else start_time
        if trace is None:
            span.local_trace = None
            try:
                traces.begin_own(span, around)
            except Exception as error:  # noqa: BLE001
                terms.fail(error)
        else:
            span.local_trace = trace
            still_open = trace.open
            still_open[span_id] = span
            if len(still_open) > MOST_OPEN_SPANS:
                traces.forget_oldest_in(trace)
        return span

    def _start_in_full(
        self,
        terms: Terms,
        name: str,
        context: Context | None,
        kind: SpanKind,
        attributes: types.Attributes,
        links: Sequence[Link] | None,
        start_time: int | None,
        record_exception: bool,
        set_status_on_exception: bool,
    ) -> api.Span:
        """Step by step as the SDK does, with everybody asked and told."""
        links = links or ()
        parent_context: SpanContext | None = get_current_span(context).get_span_context()
        if parent_context is not None and not isinstance(parent_context, SpanContext):
            raise TypeError("parent_span_context must be a SpanContext or None.")
        if not self._is_on():
            return NonRecordingSpan(context=parent_context)  # type: ignore[arg-type]
        ids = self.id_generator
        if parent_context is None or not parent_context.is_valid:
            parent_context = None
            trace_id = ids.generate_trace_id()
        else:
            trace_id = parent_context.trace_id
        result = self.sampler.should_sample(context, trace_id, name, kind, attributes, links)
        decision = result.decision
        flags = TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT
        if _RANDOM:
            is_random = ids.is_trace_id_random() if parent_context is None else parent_context.trace_flags & _RANDOM
            if is_random:
                flags |= _RANDOM
        state = result.trace_state
        is_dropped = decision is Decision.DROP
        if not is_dropped and parent_context is not None and parent_context.is_remote:
            # Its trace id is no new one: nobody has looked yet.
            forks.check()
        if type(ids) in _OUR_IDS and type(state) is TraceState:
            # Valid ids, and a state that need not be asked for: nothing to be checked again.
            span_context = context_of(trace_id, ids.generate_span_id(), TraceFlags(flags), state)
        else:
            span_context = SpanContext(
                trace_id, ids.generate_span_id(), is_remote=False, trace_flags=TraceFlags(flags), trace_state=state
            )
        metrics = getattr(self, "_tracer_metrics", None)
        record_end = None if metrics is None else metrics.start_span(parent_context, decision)
        if is_dropped:
            return NonRecordingSpan(context=span_context)
        span: Span = _new(Span)
        span._begin(terms, self.resource, self._instrumentation_scope, name, span_context, parent_context, kind)
        if result.attributes:
            span.set_attributes(dict(result.attributes))
        if links:
            span._links = span._new_links(links)
        span._behave(record_exception, set_status_on_exception, record_end)
        span.start(start_time=start_time, parent_context=context)
        return span
