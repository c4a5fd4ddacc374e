"""Translation by shape: what spans of one shape have in common is worked out once, the rest is copied.

A shape is the scope, kind, resource and attribute keys of a span. Spans of one shape differ in their ids, times, names
and values alone, and the conventions read the same of their values (`conventions.otel_shapes`). Only spans of the light
tracer are translated like this: they show what they hold.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from ..local_trace.datadog_context import NO_PARENT
from .chunk_services import ChunkServices
from .conventions import otel
from .conventions.otel_shapes import Described
from .every_span import text
from .every_span.attributes import Meta, Metrics, put
from .every_span.peer_service import PEER_SERVICE
from .every_span.text import MOST_RESOURCE, MOST_VALUE
from .names import BY_SCOPE
from .services import Named, ResourceDefaults, Services

_LOW = (1 << 64) - 1
_LARGEST = 2**63 - 1
_MOST_KEPT = 1_024
_UNSET = StatusCode.UNSET
_ORIGINS = frozenset(
    {"otel.scope.name", "otel.scope.version", "otel.status_code", "otel.trace_id", "w3c.tracestate", PEER_SERVICE}
)


class Shape:
    """What the spans of a shape share. `below` is by the service around them: their own, and their common tags."""

    __slots__ = ("below", "defaults", "described", "is_simple", "name", "operation", "scope", "targets", "type")

    def __init__(self, defaults: ResourceDefaults, scope: InstrumentationScope | None, kind: SpanKind) -> None:
        self.defaults = defaults
        self.scope = scope
        self.operation = otel.operation(kind)
        self.name = self.operation.name
        self.type = self.operation.type
        self.targets: tuple[str, ...] = ()
        self.described: Described | None = None
        """What the conventions say, where they speak of these keys."""
        self.is_simple = False
        self.below: dict[Named | None, tuple[Named, Meta, bool]] = {}

    def beneath(self, around: Named | None) -> tuple[Named, Meta, bool]:
        """Their service, their common tags, and whether they are top level."""
        named = self.defaults.named(None, {}, around)
        meta = {**self.defaults.meta(named, self.operation), "otel.status_code": "Unset"}
        scope = self.scope
        if scope is not None:
            if scope.name:
                meta["otel.scope.name"] = text.value(scope.name)
            if scope.version:
                meta["otel.scope.version"] = text.value(scope.version)
        if len(self.below) >= _MOST_KEPT:
            self.below.clear()
        found = self.below[around] = named, meta, around is None or around.service != named.service
        return found


class Shapes:
    """All that were seen, up to a thousand."""

    def __init__(self, services: Services, *, peers_asked: frozenset[str]) -> None:
        self._services = services
        self._peers_asked = peers_asked
        self._known: dict[tuple[Any, ...], Shape] = {}
        self._trace = (0, "")

    def translated(self, span: Any, services: ChunkServices) -> dict[str, Any] | None:
        """The span map that `Translator` would give; None where it has to be asked.

        `services` are those of the spans around it in this process, and gets its own.
        """
        held = getattr(span, "held_attributes", None)
        if (
            type(held) is not dict
            or span.held_events is not None
            or span.held_links is not None
            or span._status._status_code is not _UNSET
        ):
            return None
        # The terms stand for the scope and the resource. The id stands for the kind: enumerations are slow to hash.
        key = (span._terms, id(span._kind), *held)
        shape = self._known.get(key)
        if shape is None:
            shape = self._learnt(key, span, held)
        name = span._name
        if not shape.is_simple or type(name) is not str:
            return None
        parent_id = span.parent_id
        if not parent_id and span.held_parent is not None:
            _, parent_id, is_remote, *_ = span.held_parent
            if is_remote or not parent_id or parent_id == NO_PARENT:
                return None
        operation, resource, type_ = shape.name, name, shape.type
        described = shape.described
        if described is not None:
            made = described.of(held, name)
            if made is None:
                return None
            operation, resource, type_ = made
        around = services[parent_id] if parent_id else None
        named, common, is_top_level = shape.below.get(around) or shape.beneath(around)
        trace_id, span_id, state = span.trace_id, span.span_id, span._state
        services[span_id] = named
        services.defaults = shape.defaults

        meta = common.copy()
        metrics: Metrics = {}
        for target, value in zip(shape.targets, held.values()):  # noqa: B905 - the keyword costs more than the rest
            kind = type(value)
            if not target:
                continue
            if kind is str:
                meta[target] = value if value.isascii() and len(value) <= MOST_VALUE else text.value(value)
            elif (kind is int and -_LARGEST <= value <= _LARGEST) or (kind is float and isfinite(value)):
                metrics[target] = value
            else:
                put(target, value, meta, metrics)
        if described is not None:
            described.complete(held, meta)
        last, written = self._trace
        if last != trace_id:
            written = f"{trace_id:032x}"
            self._trace = trace_id, written
        meta["otel.trace_id"] = written
        if state is not DEFAULT_TRACE_STATE and state is not services.trace_state and state:
            services.trace_state = state
            meta["w3c.tracestate"] = text.inherited(state.to_header())
        if is_top_level:
            metrics["_dd.top_level"] = 1
        start, end = span._start_time or 0, span._end_time or 0
        entry: dict[str, Any] = {
            "trace_id": trace_id & _LOW,
            "span_id": span_id,
            "service": named.service,
            "name": operation,
            "resource": resource
            if len(resource) <= MOST_RESOURCE and resource.isascii()
            else text.resource(resource, type_),
            "start": start,
            "duration": end - start if end > start else 0,
            "meta": meta,
        }
        if type_:
            entry["type"] = type_
        if parent_id:
            entry["parent_id"] = parent_id
        if metrics:
            entry["metrics"] = metrics
        return entry

    def _learnt(self, key: tuple[Any, ...], span: Any, attributes: dict[str, Any]) -> Shape:
        scope = span.instrumentation_scope
        defaults = self._services.defaults(span.resource)
        shape = Shape(defaults, scope, span.kind)
        operation = shape.operation
        shape.targets = tuple(operation.targets[name] for name in attributes)
        shape.is_simple = (
            (scope is None or scope.name not in BY_SCOPE)
            and not defaults.conventions
            and not operation.metrics
            and operation.kind not in self._peers_asked
            and operation.targets.watched.isdisjoint(attributes)
            and otel.TARGETS.generative.isdisjoint(attributes)
            and _ORIGINS.isdisjoint(shape.targets)
        )
        if shape.is_simple and not otel.CONVENTIONS.isdisjoint(attributes):
            shape.described = Described(span.kind, attributes)
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[key] = shape
        return shape
