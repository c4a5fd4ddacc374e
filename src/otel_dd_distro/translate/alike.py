"""The short way through translation: what spans that look alike have in common is worked out once.

Manual spans with the same scope, kind, resource and attribute keys differ in their ids, times, names and values alone,
as long as no convention reads their attributes. Only light spans are looked at: they show what they hold.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from ..propagation.datadog_context import NO_PARENT
from . import otel, text
from .attributes import Meta, Metrics, put
from .peers import PEER_SERVICE
from .plugins import BY_SCOPE
from .services import Home, Named
from .text import MOST_RESOURCE, MOST_VALUE

if TYPE_CHECKING:
    from ..tracing import Span as LightSpan
    from .translator import Services, Translator

_LOW = (1 << 64) - 1
_LARGEST = 2**63 - 1
_MOST_KEPT = 1_024
_UNSET = StatusCode.UNSET
_ORIGINS = frozenset(
    {"otel.scope.name", "otel.scope.version", "otel.status_code", "otel.trace_id", "w3c.tracestate", PEER_SERVICE}
)


class Alike:
    """What spans share. `below` is by the service around them: their own, and their common tags."""

    __slots__ = ("below", "home", "is_simple", "name", "operation", "scope", "targets", "type")

    def __init__(self, home: Home, scope: InstrumentationScope | None, kind: SpanKind) -> None:
        self.home = home
        self.scope = scope
        self.operation = otel.operation(kind)
        self.name = self.operation.name
        self.type = self.operation.type
        self.targets: tuple[str, ...] = ()
        self.is_simple = False
        self.below: dict[Named | None, tuple[Named, Meta, bool]] = {}

    def beneath(self, around: Named | None) -> tuple[Named, Meta, bool]:
        """Their service, their common tags, and whether they are top level."""
        named = self.home.named(None, {}, around)
        meta = {**self.home.meta(named, self.operation), "otel.status_code": "Unset"}
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


class Alikes:
    """All that were seen, up to a thousand."""

    def __init__(self, translator: Translator, *, peers_asked: frozenset[str]) -> None:
        self._translator = translator
        self._peers_asked = peers_asked
        self._known: dict[tuple[Any, ...], Alike] = {}
        self._trace = (0, "")

    def translated(self, span: Any, services: Services) -> dict[str, Any] | None:
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
        alike = self._known.get(key)
        if alike is None:
            alike = self._learnt(key, span, held)
        name = span._name
        if not alike.is_simple or type(name) is not str:
            return None
        parent_id = span.parent_id
        if not parent_id and span.held_parent is not None:
            _, parent_id, is_remote, *_ = span.held_parent
            if is_remote or not parent_id or parent_id == NO_PARENT:
                return None
        around = services[parent_id] if parent_id else None
        named, common, is_top_level = alike.below.get(around) or alike.beneath(around)
        trace_id, span_id, state = span.trace_id, span.span_id, span._state
        services[span_id] = named
        services.home = alike.home

        meta = common.copy()
        metrics: Metrics = {}
        for target, value in zip(alike.targets, held.values()):  # noqa: B905 - the keyword costs more than the rest
            kind = type(value)
            if kind is str:
                meta[target] = value if value.isascii() and len(value) <= MOST_VALUE else text.value(value)
            elif (kind is int and -_LARGEST <= value <= _LARGEST) or (kind is float and isfinite(value)):
                metrics[target] = value
            else:
                put(target, value, meta, metrics)
        last, written = self._trace
        if last != trace_id:
            written = f"{trace_id:032x}"
            self._trace = trace_id, written
        meta["otel.trace_id"] = written
        if state is not DEFAULT_TRACE_STATE and state:
            meta["w3c.tracestate"] = text.value(state.to_header())
        if is_top_level:
            metrics["_dd.top_level"] = 1
        start, end = span._start_time or 0, span._end_time or 0
        entry: dict[str, Any] = {
            "trace_id": trace_id & _LOW,
            "span_id": span_id,
            "service": named.service,
            "name": alike.name,
            "resource": name if len(name) <= MOST_RESOURCE and name.isascii() else text.resource(name, alike.type),
            "start": start,
            "duration": end - start if end > start else 0,
            "meta": meta,
            "type": alike.type,
        }
        if parent_id:
            entry["parent_id"] = parent_id
        if metrics:
            entry["metrics"] = metrics
        return entry

    def _learnt(self, key: tuple[Any, ...], span: LightSpan, attributes: dict[str, Any]) -> Alike:
        scope = span.instrumentation_scope
        home = self._translator.home(span.resource)
        alike = Alike(home, scope, span.kind)
        operation = alike.operation
        alike.targets = tuple(operation.targets[name] for name in attributes)
        alike.is_simple = (
            (scope is None or scope.name not in BY_SCOPE)
            and not home.conventions
            and not operation.metrics
            and bool(operation.type)
            and operation.kind not in self._peers_asked
            and otel.CONVENTIONS.isdisjoint(attributes)
            and operation.targets.watched.isdisjoint(attributes)
            and otel.TARGETS.generative.isdisjoint(attributes)
            and all(alike.targets)
            and _ORIGINS.isdisjoint(alike.targets)
        )
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[key] = alike
        return alike
