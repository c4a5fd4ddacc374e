"""The light span: an SDK span that makes its parts when they are first used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from ..local_trace.registry import LightSpan
from . import texts, unprintable
from .terms import Terms

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.sdk.util import BoundedList
    from opentelemetry.sdk.util.instrumentation import InstrumentationInfo, InstrumentationScope
    from opentelemetry.util import types

log = sdk.logger

# What came with later versions of the SDK: 1.40 and 1.43.
_TELLS_OF_ENDING = hasattr(sdk.SpanProcessor, "_on_ending")
_FREEZES = hasattr(BoundedAttributes, "_set_items")
_UNSET = Status(StatusCode.UNSET)


def context_of(trace_id: int, span_id: int, flags: TraceFlags, state: TraceState) -> SpanContext:
    """A context of this process, whose ids are known to be valid."""
    return tuple.__new__(SpanContext, (trace_id, span_id, False, flags, state, True))


class Span(LightSpan):
    """A span as the SDK's, without a lock.

    The interpreter changes threads after calls and at the ends of loops only, so where a step has to be whole there is
    no call between looking and writing. `held_attributes` is a plain dict. What has to be cleaned is written to it
    through the SDK's container, which takes it over only when something was dropped, or when somebody asks for that
    container. `held_events` and `held_links` are None until there is one. So are the contexts of the span and of
    its parent, where its ids tell all that is in them: `parent_id` is 0 where there is no parent, and where
    `held_parent` tells more.
    """

    __slots__ = (
        "_end_time",
        "_flags",
        "_instrumentation_scope",
        "_kind",
        "_name",
        "_resource",
        "_start_time",
        "_state",
        "_terms",
        "held_attributes",
        "held_context",
        "held_events",
        "held_links",
        "held_parent",
        "local_trace",
        "parent_id",
        "span_id",
        "trace_id",
    )

    _name: str
    trace_id: int
    span_id: int
    parent_id: int
    _flags: TraceFlags
    _state: TraceState
    held_context: SpanContext | None
    held_parent: Span | SpanContext | None
    """The parent itself while the span is open: who asks it for its context gets the very same object."""
    _kind: SpanKind
    _resource: Resource
    _instrumentation_scope: InstrumentationScope | None
    _start_time: int | None
    _end_time: int | None
    _terms: Terms
    held_attributes: dict[str, Any] | BoundedAttributes
    held_events: BoundedList[Any] | None
    held_links: BoundedList[Any] | None

    # Most spans never change these: they stand here once, and on a span only where it differs.
    _status = _UNSET
    _record_exception = True
    _set_status_on_exception = True
    _trace_config = None
    _record_end_metrics: Callable[[], None] | None = None

    def __init__(  # the SDK's own signature
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None = None,
        sampler: Sampler | None = None,
        trace_config: None = None,
        resource: Resource | None = None,
        attributes: types.Attributes = None,
        events: Sequence[Event] | None = None,
        links: Sequence[Link] = (),
        kind: SpanKind = SpanKind.INTERNAL,
        span_processor: SpanProcessor = sdk.SpanProcessor(),  # noqa: B008
        instrumentation_info: InstrumentationInfo | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        limits: SpanLimits = sdk._UnsetLimits,
        instrumentation_scope: InstrumentationScope | None = None,
        *,
        record_end_metrics: Callable[[], None] | None = None,
    ) -> None:
        terms = Terms(sampler, span_processor, instrumentation_info, limits)
        self._begin(
            terms,
            Resource.create({}) if resource is None else resource,
            instrumentation_scope,
            name,
            context,
            parent,
            kind,
        )
        if attributes:
            self.set_attributes(attributes)
        for event in events or ():
            event._attributes = BoundedAttributes(
                limits.max_event_attributes, event.attributes, max_value_len=limits.max_attribute_length
            )
            self._events.append(event)
        if links:
            self._links = self._new_links(links)
        self._behave(record_exception, set_status_on_exception, record_end_metrics)

    def _begin(
        self,
        terms: Terms,
        resource: Resource,
        scope: InstrumentationScope | None,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
    ) -> None:
        self._terms = terms
        self._resource = resource
        self._instrumentation_scope = scope
        self._name = name
        self._context = context
        self._parent = parent
        self._kind = kind
        self._start_time = None
        self._end_time = None
        self.held_attributes = {}
        self.held_events = None
        self.held_links = None
        self.local_trace = None

    def _behave(
        self,
        record_exception: bool,
        set_status_on_exception: bool,
        record_end_metrics: Callable[[], None] | None,
    ) -> None:
        if not record_exception:
            self._record_exception = False
        if not set_status_on_exception:
            self._set_status_on_exception = False
        if record_end_metrics is not None:
            self._record_end_metrics = record_end_metrics

    # -- what the SDK's methods, and those who know them, expect to find

    @property
    def _context(self) -> SpanContext:
        held = self.held_context
        if held is None:
            held = self.held_context = context_of(self.trace_id, self.span_id, self._flags, self._state)
        return held

    @_context.setter
    def _context(self, context: SpanContext) -> None:
        self.held_context = context
        self.trace_id = context.trace_id
        self.span_id = context.span_id
        self._flags = context.trace_flags
        self._state = context.trace_state

    @property
    def _parent(self) -> SpanContext | None:
        held = self.held_parent
        if type(held) is Span:
            held = self.held_parent = held._context
        elif held is None and self.parent_id:
            held = self.held_parent = context_of(self.trace_id, self.parent_id, self._flags, self._state)
        return held  # type: ignore[return-value]

    @_parent.setter
    def _parent(self, parent: SpanContext | None) -> None:
        self.held_parent = parent
        self.parent_id = 0

    @property
    def _attributes(self) -> BoundedAttributes:
        held = self.held_attributes
        if isinstance(held, BoundedAttributes):
            return held
        bounded = self._container()
        bounded._immutable = _FREEZES and self._end_time is not None
        # Another thread may have come first: both containers hold the same dict, and one of them is kept.
        if type(self.held_attributes) is dict:
            self.held_attributes = bounded
        return self.held_attributes  # type: ignore[return-value]

    @_attributes.setter
    def _attributes(self, attributes: Any) -> None:
        self.held_attributes = attributes

    @property  # type: ignore[override]
    def _events(self) -> BoundedList[Any]:
        if self.held_events is None:
            events: BoundedList[Any] = self._new_events()  # type: ignore[no-untyped-call]
            if self.held_events is None:
                self.held_events = events
        return self.held_events

    @_events.setter
    def _events(self, events: BoundedList[Any]) -> None:
        self.held_events = events

    @property  # type: ignore[override]
    def _links(self) -> BoundedList[Any]:
        if self.held_links is None:
            links = self._new_links(())
            if self.held_links is None:
                self.held_links = links
        return self.held_links

    @_links.setter
    def _links(self, links: BoundedList[Any]) -> None:
        self.held_links = links

    @property
    def _lock(self) -> Any:  # type: ignore[override]
        return self.__dict__.setdefault("_held_lock", threading.Lock())

    @property
    def _limits(self) -> SpanLimits:
        return self._terms.limits

    @property
    def _sampler(self) -> Sampler | None:  # type: ignore[override]
        return self._terms.sampler

    @property
    def _span_processor(self) -> SpanProcessor:  # type: ignore[override]
        return self._terms.processor

    @property
    def _instrumentation_info(self) -> InstrumentationInfo | None:  # type: ignore[override]
        return self._terms.info

    # -- reading

    @property
    def attributes(self) -> types.Attributes:
        # Of a span that is open, a view that may be iterated while other threads set attributes.
        return MappingProxyType(self._attributes if self._end_time is None else self.held_attributes or {})

    @property
    def events(self) -> Sequence[Event]:
        return () if self.held_events is None else tuple(self.held_events)

    @property
    def links(self) -> Sequence[Link]:
        return () if self.held_links is None else tuple(self.held_links)

    def get_span_context(self) -> SpanContext:
        return self._context

    def _readable_span(self) -> ReadableSpan:
        readable = super()._readable_span()
        # For our processor, which finds by it what it gathered the span in.
        readable.local_trace = self.local_trace  # type: ignore[attr-defined]
        return readable

    # -- writing

    def set_attribute(self, key: str, value: types.AnyValue) -> None:
        held = self.held_attributes
        terms = self._terms
        is_kept = len(value) <= terms.longest if type(value) is str else type(value) in terms.plain
        if type(held) is dict and is_kept and type(key) is str and key:
            if key in held:
                if self._end_time is None:
                    # It moves to the end, as it does in the SDK's container.
                    del held[key]
                    held[key] = value
                    return
            elif len(held) < terms.most_attributes and self._end_time is None:
                held[key] = value
                return
        if self._end_time is not None:
            log.warning("Setting attribute on ended span.")
            return
        bounded = self._container()
        try:
            bounded[key] = texts.cut(value) if self._terms.cuts else value
        except Exception as error:  # noqa: BLE001
            bounded[key] = unprintable.attributes({key: value}, error)[key]
        self._keep(bounded)

    def set_attributes(self, attributes: Mapping[str, types.AnyValue]) -> None:
        held = self.held_attributes
        if type(held) is dict and type(attributes) is dict:
            terms = self._terms
            plain, longest = terms.plain, terms.longest
            for key, value in attributes.items():
                if type(value) is str:
                    if len(value) > longest or type(key) is not str:
                        break
                elif type(value) not in plain or type(key) is not str:
                    break
            else:
                if (
                    "" not in attributes
                    and len(held) + len(attributes) <= terms.most_attributes
                    and self._end_time is None
                ):
                    if held and not held.keys().isdisjoint(attributes):
                        for key in attributes:
                            # What is set again moves to the end, as it does in the SDK's container.
                            held.pop(key, None)
                    held.update(attributes)
                    return
        if self._end_time is not None:
            log.warning("Setting attribute on ended span.")
            return
        bounded = self._container()
        try:
            self._set_bounded(bounded, attributes)
        except Exception as error:  # noqa: BLE001
            self._set_bounded(bounded, unprintable.attributes(attributes, error))
        self._keep(bounded)

    def _container(self) -> BoundedAttributes:
        """The SDK's container of the attributes: where there is none, one for the plain dict."""
        held = self.held_attributes
        if isinstance(held, BoundedAttributes):
            return held
        limits = self._terms.limits
        bounded = BoundedAttributes(
            limits.max_span_attributes, immutable=False, max_value_len=limits.max_span_attribute_length
        )
        bounded._dict = held
        return bounded

    def _keep(self, bounded: BoundedAttributes) -> None:
        """The plain dict stays where nothing was dropped."""
        if bounded.dropped and type(self.held_attributes) is dict:
            self.held_attributes = bounded

    def _set_bounded(self, bounded: BoundedAttributes, attributes: Mapping[str, types.AnyValue]) -> None:
        if self._terms.cuts:
            attributes = {key: texts.cut(value) for key, value in attributes.items()}
        if _FREEZES:
            bounded._set_items(attributes)
        else:
            for key, value in attributes.items():
                bounded[key] = value

    def add_event(self, name: str, attributes: types.Attributes = None, timestamp: int | None = None) -> None:
        if timestamp is None:
            timestamp = self._terms.time_ns()
        try:
            super().add_event(name, attributes and texts.of_event(attributes), timestamp)
        except Exception as error:  # noqa: BLE001
            super().add_event(name, unprintable.attributes(attributes or {}, error), timestamp)

    def record_exception(
        self,
        exception: BaseException,
        attributes: types.Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        try:
            super().record_exception(exception, attributes, timestamp, escaped)
        except Exception as error:  # noqa: BLE001
            self.add_event(
                "exception", {**unprintable.event(exception, escaped, error), **(attributes or {})}, timestamp
            )

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        super().set_status(status, description)
        told = self._status.description
        if told is not None and len(told) > texts.LONGEST:
            self._status = Status(self._status.status_code, told[: texts.LONGEST])

    def update_name(self, name: str) -> None:
        if self._end_time is None:
            self._name = name
        else:
            log.warning("Tried calling %s on an ended span.", "update_name")

    def start(self, start_time: int | None = None, parent_context: Context | None = None) -> None:
        if self._start_time is not None:
            log.warning("Calling start() on a started span.")
            return
        self._start_time = self._terms.time_ns() if start_time is None else start_time
        self._terms.processor.on_start(self, parent_context=parent_context)

    def end(self, end_time: int | None = None) -> None:
        now = self._terms.time_ns() if end_time is None else end_time
        if self._end_time is not None:
            log.warning("Calling end() on an ended span.")
            return
        self._end_time = now
        parent = self.held_parent
        if type(parent) is Span:
            # It need not live as long as this span: there are endless chains of spans.
            self.held_parent = parent.held_context
        trace = self.local_trace
        terms = self._terms
        if trace is not None and terms.traces is not None and terms.multiple._span_processors is terms.processors:
            try:
                trace.end(self)
            except Exception as error:  # noqa: BLE001
                terms.fail(error)
            return
        self._end_for_all()

    def _end_for_all(self) -> None:
        if self._start_time is None:
            self._end_time = None
            raise RuntimeError("Calling end() on a not started span.")
        held = self.held_attributes
        if _FREEZES and isinstance(held, BoundedAttributes):
            held._immutable = True
        if self._record_end_metrics is not None:
            self._record_end_metrics()
        processor = self._terms.processor
        if _TELLS_OF_ENDING:
            processor._on_ending(self)
        processor.on_end(self._readable_span())
