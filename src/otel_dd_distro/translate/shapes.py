"""Translation by shape: what spans of one shape have in common is worked out once, the rest is copied.

A shape is the scope, kind, resource and attribute keys of a span. Spans of one shape differ in their ids, times, names
and values alone. What else the values decide is looked at for each: of other people's spans what the conventions read
(`conventions.otel_shapes`), of our plugins' the operation, and what that makes of them. Only spans of the light tracer
are translated like this, and only where nothing failed, nobody linked anything and no user said how to name them.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any, NamedTuple

from opentelemetry.trace import StatusCode
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from ..local_trace.datadog_context import NO_PARENT
from .chunk_services import ChunkServices
from .conventions import otel
from .conventions.operation import Operation, unnamed
from .conventions.otel_shapes import Described
from .conventions.urls import Urls
from .every_span import text, times
from .every_span.attributes import MOST_DIGITS, Meta, Metrics, put
from .every_span.errors import failed_call
from .every_span.peer_service import PEER_SERVICE, Peers
from .every_span.text import MOST_RESOURCE, MOST_VALUE
from .names import BY_SCOPE, plugin_of
from .plugin import Plugin
from .secrets.spans import EVENTS, RETRY_REASON
from .services import Named, ResourceDefaults, Services

_LOW = (1 << 64) - 1
_LARGEST = 2**63 - 1
_MOST_KEPT = 1_024
_MOST_VARIANTS = 64
_UNSET = StatusCode.UNSET
_ASKING = frozenset(
    {
        *("otel.scope.name", "otel.scope.version", "otel.status_code", "otel.trace_id", "w3c.tracestate"),
        *(PEER_SERVICE, EVENTS, RETRY_REASON),
    }
)
"""Tags that ask for more than being copied, whichever attribute they come from."""


class Known(NamedTuple):
    """What the spans of a variant have in common that have the same service around them."""

    around: Named | None
    named: Named
    meta: Meta
    metrics: Metrics


class Variant:
    """An operation, for the spans of one shape: their tags, and by the service around them their own."""

    __slots__ = (
        "_known",
        "_shape",
        "describes",
        "last",
        "may_fail",
        "name",
        "numbers",
        "operation",
        "targets",
        "titles",
    )

    def __init__(self, shape: Shape, operation: Operation, keys: Iterable[str], is_v1: bool) -> None:
        self._shape = shape
        self.operation = operation
        self.targets = tuple([operation.targets[key] for key in keys])
        self.numbers = tuple([(key, operation.numbers[key]) for key in keys if key in operation.numbers])
        self.describes = operation.describe is not unnamed
        self.may_fail = operation.failed is not failed_call
        self.titles = operation.title is not None
        self.name = operation.name if self.titles else operation.titled({}, is_v1)
        self._known: dict[Named | None, Known] = {}
        self.last: Known | None = None
        """What was found last: most spans have the same service around them as the one before."""

    def beneath(self, around: Named | None) -> Known:
        """What a span has whose service depends on nothing but the service around it."""
        known = self._known.get(around)
        if known is None:
            shape = self._shape
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[around] = self.of(around, shape.defaults.named(shape.plugin, {}, around))
        self.last = known
        return known

    def of(self, around: Named | None, named: Named) -> Known:
        """What a span has that is `named`."""
        defaults, plugin, operation = self._shape.defaults, self._shape.plugin, self.operation
        meta = {**defaults.meta(named, operation), **self._shape.common}
        if plugin is not None and plugin.named_late and defaults.version and defaults.is_own(around or defaults.own):
            meta["version"] = text.value(defaults.version)
        metrics = operation.metrics.copy()
        if around is None or around.service != named.service:
            metrics["_dd.top_level"] = 1
        return Known(around, named, meta, metrics)


class Shape:
    """What the spans of a shape share; `plugin` is ours that made them, None for another's."""

    __slots__ = ("common", "defaults", "described", "is_own_service", "is_simple", "key", "only", "plugin", "variants")

    def __init__(self, defaults: ResourceDefaults, plugin: Plugin | None) -> None:
        self.defaults = defaults
        self.plugin = plugin
        self.key = "" if plugin is None else plugin.operations.key
        """The attribute that tells the operation."""
        self.variants: dict[Any, Variant] = {}
        self.only: Variant | None = None
        """The variant of a shape that has no other."""
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
        self._trace = (0, 0, "")
        """The id of the last trace of other people's spans: the number, its lower half, and how it is written."""

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
        variant = shape.only
        if variant is None:
            told = held.get(shape.key) if shape.key else None
            try:
                variant = shape.variants.get(told)
            except TypeError:
                return None
            if variant is None:
                variant = self._varied(shape, told, span, held)

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
            _, named, common, measures = variant.of(around, shape.defaults.named(shape.plugin, held, around))
        else:
            known = variant.last
            if known is None or known.around is not around:
                known = variant.beneath(around)
            _, named, common, measures = known
        span_id = span.span_id
        services[span_id] = named
        services.defaults = shape.defaults

        meta = common.copy()
        metrics = measures.copy()
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
        operation = variant.operation
        type_ = operation.type
        if shape.plugin is None:
            described = shape.described
            if described is None:
                title, resource = variant.name, name
            else:
                made = described.of(held, name, meta)
                if made is None:
                    return None
                title, resource, type_ = made
            trace_id = span.trace_id
            last, low, written = self._trace
            if last != trace_id:
                low, written = trace_id & _LOW, f"{trace_id:032x}"
                self._trace = trace_id, low, written
            meta["otel.trace_id"] = written
            state = span._state
            if state is not DEFAULT_TRACE_STATE and state is not services.trace_state and state:
                services.trace_state = state
                meta["w3c.tracestate"] = text.inherited(state.to_header())
        else:
            if variant.may_fail and operation.failed(_UNSET, held, False, self._error_statuses):
                return None
            for word, target in variant.numbers:
                value = held[word]
                if type(value) is str and value.isdecimal() and value.isascii() and len(value) < MOST_DIGITS:
                    metrics[target] = int(value)
            title = operation.titled(held, self._is_v1) if variant.titles else variant.name
            resource = (operation.describe(held, meta, self._urls) or title) if variant.describes else title
            low = span.trace_id & _LOW
        if PEER_SERVICE in meta:
            self._peers.name(meta)
        start, end = span._start_time or 0, span._end_time or 0
        duration = end - start if end > start else 0
        if type(start) is not int or type(duration) is not int or not 0 <= start <= times.LARGEST - duration:
            start, duration = times.told(start, end)
        # All at once: a dict that grows is copied.
        entry: dict[str, Any] = {
            "trace_id": low,
            "span_id": span_id,
            "parent_id": parent_id,
            "service": named.service,
            "name": title,
            "resource": resource
            if len(resource) <= MOST_RESOURCE and resource.isascii()
            else text.resource(resource, type_),
            "type": type_,
            "start": start,
            "duration": duration,
            "meta": meta,
            "metrics": metrics,
        }
        if not type_:
            del entry["type"]
        if not parent_id:
            del entry["parent_id"]
        if not metrics and not is_root:
            del entry["metrics"]
        if operation.links is not None and (linked := operation.links(held)):
            entry["span_links"] = linked
        return entry, is_root

    def _varied(self, shape: Shape, told: Any, span: Any, attributes: dict[str, Any]) -> Variant:
        if shape.plugin is None:
            operation = otel.operation(span.kind)
        else:
            operations = shape.plugin.operations
            operation = (operations.by_value.get(told) if type(told) is str else None) or operations.otherwise
        if len(shape.variants) >= _MOST_VARIANTS:
            shape.variants.clear()
        variant = shape.variants[told] = Variant(shape, operation, attributes, self._is_v1)
        if not shape.key:
            shape.only = variant
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
            and _ASKING.isdisjoint(targets)
        )


def _is_by_scope(span: Any) -> bool:
    """Whether a plugin's scope and the kind of a span tell it, without a look at an attribute."""
    plugin = BY_SCOPE.get(span.instrumentation_scope.name)
    return plugin is not None and (plugin.asynchronous is None and getattr(plugin.server, "asynchronous", None) is None)
