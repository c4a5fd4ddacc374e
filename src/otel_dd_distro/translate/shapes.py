"""Translation by shape: what spans of one shape have in common is worked out once, the rest is copied.

A shape is the scope, kind, resource and attribute keys of a span. Spans of one shape differ in their ids, times, names
and values alone. What else the values decide is looked at for each: of other people's spans what the conventions read
(`conventions.otel_shapes`), of our plugins' the operation, and what that makes of them. Only spans of the light tracer
are translated like this, and only where nothing failed, nobody linked anything and no user said how to name them.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from opentelemetry.trace import StatusCode
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from ..local_trace.datadog_context import NO_PARENT
from .chunk_services import ChunkServices
from .conventions import otel
from .conventions.operation import Operation, unnamed
from .conventions.otel_shapes import Described
from .conventions.urls import Urls
from .every_span import text
from .every_span.attributes import Meta, Metrics, put
from .every_span.peer_service import PEER_SERVICE, Peers
from .every_span.text import MOST_RESOURCE, MOST_VALUE
from .names import BY_SCOPE, plugin_of
from .plugin import Plugin
from .services import Named, ResourceDefaults, Services

_LOW = (1 << 64) - 1
_LARGEST = 2**63 - 1
_MOST_KEPT = 1_024
_MOST_VARIANTS = 64
_UNSET = StatusCode.UNSET
_ORIGINS = frozenset(
    {"otel.scope.name", "otel.scope.version", "otel.status_code", "otel.trace_id", "w3c.tracestate", PEER_SERVICE}
)


class Variant:
    """An operation, for the spans of one shape: their tags, and by the service around them their own."""

    __slots__ = ("below", "common", "describes", "operation", "targets")

    def __init__(self, shape: Shape, operation: Operation, keys: Iterable[str]) -> None:
        self.operation = operation
        self.targets = tuple(operation.targets[key] for key in keys)
        self.describes = operation.describe is not unnamed
        self.below: dict[Named | None, tuple[Named, Meta, bool]] = {}
        self.common = shape.common

    def beneath(self, shape: Shape, around: Named | None, named: Named) -> tuple[Named, Meta, bool]:
        """The service of a span, the tags that all with that service have, and whether they are top level."""
        defaults, plugin = shape.defaults, shape.plugin
        meta = {**defaults.meta(named, self.operation), **self.common}
        if plugin is not None and plugin.named_late and defaults.version and defaults.is_own(around or defaults.own):
            meta["version"] = text.value(defaults.version)
        if len(self.below) >= _MOST_KEPT:
            self.below.clear()
        found = self.below[around] = named, meta, around is None or around.service != named.service
        return found


class Shape:
    """What the spans of a shape share; `plugin` is ours that made them, None for another's."""

    __slots__ = ("common", "defaults", "described", "is_own_service", "is_simple", "key", "plugin", "variants")

    def __init__(self, defaults: ResourceDefaults, plugin: Plugin | None) -> None:
        self.defaults = defaults
        self.plugin = plugin
        self.key = "" if plugin is None else plugin.operations.key
        """The attribute that tells the operation."""
        self.variants: dict[Any, Variant] = {}
        self.described: Described | None = None
        """What the conventions say of another's spans, where they speak of these keys."""
        self.is_own_service = plugin is not None and defaults.asks_each(plugin)
        """Whether each span is asked for its service."""
        self.is_simple = False
        self.common: Meta = {}


class Shapes:
    """All that were seen, up to a thousand."""

    def __init__(
        self, services: Services, urls: Urls, peers: Peers, *, error_statuses: frozenset[int], is_v1: bool
    ) -> None:
        self._services = services
        self._urls = urls
        self._peers = peers
        self._error_statuses = error_statuses
        self._is_v1 = is_v1
        self._known: dict[tuple[Any, ...], Shape] = {}
        self._trace = (0, "")

    def translated(self, span: Any, services: ChunkServices) -> tuple[dict[str, Any], bool] | None:
        """The span map that `Translator` would give, and whether it is a local root; None where it has to be asked.

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
        told = held.get(shape.key) if shape.key else None
        try:
            variant = shape.variants.get(told)
        except TypeError:
            return None
        if variant is None:
            variant = self._varied(shape, told, span, held)
        operation = variant.operation

        parent_id, around = span.parent_id, None
        is_root = not parent_id
        if parent_id:
            around = services[parent_id]
        elif span.held_parent is not None:
            _, parent_id, is_remote, *_ = span.held_parent
            if parent_id == NO_PARENT:
                parent_id = 0
            is_root = is_remote or not parent_id
            if not is_root:
                around = services[parent_id]
        if shape.is_own_service:
            named, common, is_top_level = variant.beneath(
                shape, around, shape.defaults.named(shape.plugin, held, around)
            )
        else:
            known = variant.below.get(around)
            if known is None:
                known = variant.beneath(shape, around, shape.defaults.named(shape.plugin, {}, around))
            named, common, is_top_level = known
        trace_id, span_id = span.trace_id, span.span_id
        services[span_id] = named
        services.defaults = shape.defaults

        meta = common.copy()
        metrics: Metrics = operation.metrics.copy()
        for target, value in zip(variant.targets, held.values()):  # noqa: B905 - the keyword costs more than the rest
            if not target:
                continue
            kind = type(value)
            if kind is str:
                meta[target] = value if value.isascii() and len(value) <= MOST_VALUE else text.value(value)
            elif (kind is int and -_LARGEST <= value <= _LARGEST) or (kind is float and isfinite(value)):
                metrics[target] = value
            else:
                put(target, value, meta, metrics)
        if shape.plugin is None:
            described = shape.described
            if described is None:
                title, resource, type_ = operation.name, name, operation.type
            else:
                made = described.of(held, name)
                if made is None:
                    return None
                title, resource, type_ = made
                described.complete(held, meta)
            self._tell_origin(span, trace_id, meta, services)
        else:
            if operation.failed(_UNSET, held, False, self._error_statuses):
                return None
            for word, target in operation.numbers.items():
                value = held.get(word)
                if type(value) is str and value.isdecimal() and value.isascii():
                    metrics[target] = int(value)
            title, type_ = operation.name, operation.type
            if self._is_v1 or operation.title is not None:
                title = operation.titled(held, self._is_v1)
            resource = (operation.describe(held, meta, self._urls) or title) if variant.describes else title
        if is_top_level:
            metrics["_dd.top_level"] = 1
        if PEER_SERVICE in meta:
            self._peers.name(meta)
        start, end = span._start_time or 0, span._end_time or 0
        entry: dict[str, Any] = {
            "trace_id": trace_id & _LOW,
            "span_id": span_id,
            "service": named.service,
            "name": title,
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
        if metrics or is_root:
            entry["metrics"] = metrics
        if operation.links is not None and (linked := operation.links(held)):
            entry["span_links"] = linked
        return entry, is_root

    def _tell_origin(self, span: Any, trace_id: int, meta: Meta, services: ChunkServices) -> None:
        """Tag what OpenTelemetry knew of another's span, beside what all of the shape have."""
        last, written = self._trace
        if last != trace_id:
            written = f"{trace_id:032x}"
            self._trace = trace_id, written
        meta["otel.trace_id"] = written
        state = span._state
        if state is not DEFAULT_TRACE_STATE and state is not services.trace_state and state:
            services.trace_state = state
            meta["w3c.tracestate"] = text.inherited(state.to_header())

    def _varied(self, shape: Shape, told: Any, span: Any, attributes: dict[str, Any]) -> Variant:
        if shape.plugin is None:
            operation = otel.operation(span.kind)
        else:
            operations = shape.plugin.operations
            operation = (operations.by_value.get(told) if type(told) is str else None) or operations.otherwise
        if len(shape.variants) >= _MOST_VARIANTS:
            shape.variants.clear()
        variant = shape.variants[told] = Variant(shape, operation, attributes)
        return variant

    def _learnt(self, key: tuple[Any, ...], span: Any, attributes: dict[str, Any]) -> Shape:
        scope = span.instrumentation_scope
        plugin = plugin_of(span)
        shape = Shape(self._services.defaults(span.resource), plugin)
        if plugin is None:
            shape.is_simple = self._is_simple(shape, otel.operation(span.kind), attributes) and (
                not shape.defaults.conventions and otel.TARGETS.generative.isdisjoint(attributes)
            )
            if shape.is_simple and not otel.CONVENTIONS.isdisjoint(attributes):
                shape.described = Described(span.kind, attributes)
            shape.common["otel.status_code"] = "Unset"
            if scope is not None and scope.name:
                shape.common["otel.scope.name"] = text.value(scope.name)
            if scope is not None and scope.version:
                shape.common["otel.scope.version"] = text.value(scope.version)
        else:
            operations = plugin.operations
            every = (operations.otherwise, *operations.by_value.values())
            shape.is_simple = _is_by_scope(span) and all(
                self._is_simple(shape, operation, attributes) for operation in every
            )
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[key] = shape
        return shape

    def _is_simple(self, shape: Shape, operation: Operation, attributes: dict[str, Any]) -> bool:
        targets = [operation.targets[key] for key in attributes]
        return (
            operation.kind not in self._peers.asking
            and operation.targets.watched.isdisjoint(attributes)
            and _ORIGINS.isdisjoint(targets)
        )


def _is_by_scope(span: Any) -> bool:
    """Whether a plugin's scope and the kind of a span tell it, without a look at an attribute."""
    plugin = BY_SCOPE.get(span.instrumentation_scope.name)
    return plugin is not None and (plugin.asynchronous is None and getattr(plugin.server, "asynchronous", None) is None)
