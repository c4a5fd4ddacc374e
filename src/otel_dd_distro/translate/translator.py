"""Turns chunks of finished OpenTelemetry spans into the span maps of the Agent's v0.4 intake."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, StatusCode

from ..interruptions import pass_on
from ..local_trace import reading
from ..local_trace.chunk import Chunk
from ..local_trace.datadog_context import NO_PARENT, DatadogContext
from ..settings import Settings
from . import optional, secrets
from .chunk_services import NO_PARENTS, ChunkServices
from .conventions import otel
from .conventions.operation import Operation
from .conventions.urls import Urls
from .every_span import chunk_tags, errors, events, links, process, text, times
from .every_span.attributes import MOST_DIGITS, Meta, Metrics, copy, restore, steer
from .every_span.peer_service import PEER_SERVICE, Peers
from .every_span.text import MOST_RESOURCE
from .names import plugin_of
from .plugin import Plugin
from .services import Named, ResourceDefaults, Services
from .shapes import Shapes

log = logging.getLogger("otel_dd_distro")

SpanMap = dict[str, Any]
Settle = Callable[[list[SpanMap], bool, list[dict[str, Any]]], None]
"""Has the last word on the trace's state before it is written: the span maps, whether the first of them is the local
root, and the attributes of those spans that ask for the trace to be kept or dropped."""

_LOW = (1 << 64) - 1
_ALONE = Chunk([], DatadogContext(), True, {})
"""Of a local root nothing around it is looked at."""
_start_time = attrgetter("_start_time")  # the property's own source, at a tenth of its cost


class Translator:
    """Prepared once for a process; afterwards its methods may be called from any thread.

    Settings come first, the resource of a span's provider fills what they leave open.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._urls = Urls(settings)
        self._error_statuses = settings.server_error_statuses
        self._is_v1 = settings.span_attribute_schema == "v1"
        self._peers = Peers(settings)
        self._steps = optional.steps(settings)
        self._hostname = ""
        if settings.report_hostname:
            self._hostname = text.value(settings.hostname or socket.gethostname())
        self._services = Services(settings, self._urls)
        self._shapes = Shapes(
            self._services, self._urls, self._peers, error_statuses=self._error_statuses, is_v1=self._is_v1
        )
        self._has_told = False

    def chunk(self, chunk: Chunk, *, native_events: bool, settle: Settle | None = None) -> list[SpanMap]:
        """The chunk's spans in start order, the root of the local trace first if it is among them.

        Source: Agent v0.4 intake. All values are str, int, float, list or dict, all text valid UTF-8. Without
        `native_events` (the Agent's `/info` says which) span events are JSON in the tag `events`. Never raises: a span
        that cannot be translated is sent with little more than its ids, one without ids is left out.
        """
        own = process.current()
        context = chunk.context
        origin = text.inherited(context.origin) if context.origin else ""
        services = ChunkServices(self._services, chunk)
        maps: list[SpanMap] = []
        tells = False
        root = -1
        trace_id = 0
        for span in _in_start_order(chunk.spans):
            entry: SpanMap | None
            try:
                short = None if self._steps else self._shapes.translated(span, services)
                if short is not None:
                    entry, is_root = short
                else:
                    parent = span.parent
                    parent_id = 0 if parent is None else parent.span_id
                    if parent_id == NO_PARENT:
                        parent_id = 0
                    is_root = not parent_id or parent.is_remote  # type: ignore[union-attr]
                    around = None if is_root else services[parent_id]
                    entry, _, metrics = self._translated(span, parent_id, around, services, native_events)
                    if metrics:
                        entry["metrics"] = metrics
                    tells = True
                if origin:
                    entry["meta"]["_dd.origin"] = origin
                if is_root:
                    starts_trace = "parent_id" not in entry
                    chunk_tags.local_root(entry["meta"], entry["metrics"], context, own, self._hostname, starts_trace)
                    if root < 0:
                        root = len(maps)
            except Exception as error:  # noqa: BLE001
                pass_on(error)
                entry = self._remains(span, error)
                if entry is None:
                    continue
            trace_id = trace_id or span.context.trace_id
            maps.append(entry)
        if not maps:
            return maps
        if tells:
            # Spans with an error or an event never go the short way.
            secrets.conceal(maps)
        if root > 0:
            # A span may bear a start time of the application's own making.
            maps.insert(0, maps.pop(root))
        if settle is not None:
            settle(maps, root >= 0, services.steering)
        first = maps[0]
        metrics = first.setdefault("metrics", {})
        if root >= 0:
            metrics.update(context.metrics)
        lasting = (services.defaults or self._services.defaults(None)).of_chunk
        chunk_tags.first_of_chunk(first["meta"], metrics, context, trace_id, len(maps) if chunk.partial else 0, lasting)
        return maps

    def defaults(self, resource: Resource | None) -> ResourceDefaults:
        """What the spans of a resource share: the global service, env, version and tags."""
        return self._services.defaults(resource)

    def service_of(self, span: ReadableSpan, parent_service: str | None = None) -> str:
        """The service of a span, finished or not; `parent_service` is that of the span around it in this process."""
        return self._services.named(span, None if parent_service is None else Named(parent_service, "")).service

    def root_view(self, span: ReadableSpan) -> RootView:
        """What is known by now of the root of a local trace, finished or not."""
        return RootView(self, span)

    def _translated(
        self, span: ReadableSpan, parent_id: int, around: Named | None, services: ChunkServices, native: bool
    ) -> tuple[SpanMap, Meta, Metrics]:
        plugin, operation, attributes = _classified(span)
        defaults = services.defaults = self._services.defaults(span.resource)
        named = defaults.named(plugin, attributes, around)
        ids = span.context
        span_id = ids.span_id
        services[span_id] = named
        meta = defaults.meta(named, operation).copy()
        version = defaults.version
        if version and plugin is not None and plugin.named_late and defaults.is_own(around or defaults.own):
            meta["version"] = text.value(version)
        metrics = operation.metrics.copy()
        copy(attributes, operation.targets, meta, metrics)
        if operation.numbers:
            for key, target in operation.numbers.items():
                value = attributes.get(key)
                if type(value) is str and value.isdecimal() and value.isascii() and len(value) < MOST_DIGITS:
                    metrics[target] = int(value)

        status = span.status
        code = status.status_code
        happened = reading.events(span)
        raised = errors.exception(happened) if happened else None
        is_watched = not operation.targets.watched.isdisjoint(attributes)
        if plugin is not None:
            name, type_ = operation.name, operation.type
            if self._is_v1 or operation.title is not None:
                name = operation.titled(attributes, self._is_v1)
            resource = operation.describe(attributes, meta, self._urls) or name
            failed = operation.failed(code, attributes, raised is not None, self._error_statuses)
            if failed:
                errors.explain_call(meta, attributes, raised, status.description)
            if raised is not None and (failed or operation.forgives):
                happened = [event for event in happened if event is not raised]
                raised = errors.exception(happened) if happened else None
            if is_watched:
                found = otel.Found(attributes, {})
                name = otel.tag_value(found("operation.name")) or name
                resource = found("resource.name") or resource
                type_ = "" if found.is_empty("span.type") else found("span.type") or type_
        else:
            name, resource, type_ = otel.described(span, operation, attributes, defaults.conventions, meta)
            failed = code is StatusCode.ERROR
            if failed:
                errors.explain_span(meta, raised, status.description)
            otel.origins(span, ids, meta)
            state = ids.trace_state
            if state and state is not services.trace_state:
                services.trace_state = state
                meta["w3c.tracestate"] = text.inherited(state.to_header())
        if is_watched:
            if "manual.keep" in attributes or "manual.drop" in attributes:
                services.steering.append(attributes)
            steer(attributes, metrics)
            restore(attributes, operation.targets, meta, metrics)
        if around is None or around.service != named.service:
            metrics["_dd.top_level"] = 1
        for step in self._steps:
            step(operation.kind, type_, attributes, meta, metrics)
        if PEER_SERVICE in meta or operation.kind in self._peers.asking:
            self._peers.name(meta)

        start, duration = times.told(span.start_time, span.end_time)
        entry: SpanMap = {
            "trace_id": ids.trace_id & _LOW,
            "span_id": span_id,
            "service": named.service,
            "name": name,
            "resource": resource
            if resource.isascii() and len(resource) <= MOST_RESOURCE
            else text.resource(resource, type_),
            "start": start,
            "duration": duration,
            "meta": meta,
        }
        if type_:
            entry["type"] = type_
        if failed:
            entry["error"] = 1
        if parent_id:
            entry["parent_id"] = parent_id
        if happened:
            if raised is not None:
                meta[errors.HAS_EXCEPTION] = "true"
            if native:
                entry["span_events"] = events.native(happened)
            else:
                meta["events"] = events.as_json(happened)
        linked = reading.links(span)
        if linked:
            entry["span_links"] = links.native(linked)
        if operation.links is not None and (made := operation.links(attributes)):
            entry["span_links"] = [*entry.get("span_links", ()), *made]
        return entry, meta, metrics

    def viewed(self, span: ReadableSpan) -> SpanMap:
        """The fields of a local root that may still be open; never raises."""
        services = ChunkServices(self._services, _ALONE)
        # Other threads may be setting attributes: that it happens twice in these microseconds is next to impossible.
        for _ in range(2):
            try:
                entry, _, metrics = self._translated(span, 0, None, services, True)
            except Exception as error:  # noqa: BLE001
                pass_on(error)
                failure = error
            else:
                entry["metrics"] = metrics
                return entry
        log.debug(
            "The attributes of a local root could not be read for sampling: %s: %s", type(failure).__name__, failure
        )
        return {"name": "", "resource": "", "meta": {}, "metrics": {}}

    def titled(self, span: ReadableSpan) -> tuple[str, str, str] | None:
        """Service, operation name and resource of a local root that may still be open; never raises.

        None where they cannot be told without all of the translation: of other libraries' spans, and where the user set
        one of what we write.
        """
        try:
            plugin, operation, attributes = _classified(span)
            if plugin is None or not operation.targets.watched.isdisjoint(attributes):
                return None
            defaults = self._services.defaults(span.resource)
            named = defaults.named(plugin, attributes, None)
            meta = defaults.meta(named, operation).copy()
            copy(attributes, operation.targets, meta, {})
            name = operation.titled(attributes, self._is_v1)
            resource = operation.describe(attributes, meta, self._urls) or name
            return named.service, name, text.resource(resource, operation.type)
        except Exception as error:  # noqa: BLE001
            pass_on(error)
            return None  # another thread set an attribute, or worse: the whole translation tries again, and says so

    def _remains(self, span: ReadableSpan, error: Exception) -> SpanMap | None:
        """What is sent of a span that cannot be translated; None where it has no ids."""
        if not self._has_told:
            self._has_told = True
            log.warning("A span could not be translated, so its tags are lost: %s: %s", type(error).__name__, error)
        ids, parent = span.context, span.parent
        if not isinstance(ids, SpanContext) or not ids.trace_id or not ids.span_id:
            return None
        start, duration = times.told(span.start_time, span.end_time)
        rest: SpanMap = {
            "trace_id": ids.trace_id & _LOW,
            "span_id": ids.span_id & _LOW,
            "service": self._settings.service,
            "name": "untranslated",
            "resource": text.resource(span.name, "") if isinstance(span.name, str) else "untranslated",
            "start": start,
            "duration": duration,
            "meta": {},
        }
        if isinstance(parent, SpanContext) and parent.span_id not in NO_PARENTS:
            rest["parent_id"] = parent.span_id & _LOW
        return rest


class RootView:
    """The Datadog values of a local root, worked out when they are asked for, and then once."""

    __slots__ = ("_entry", "_service", "_span", "_titles", "_translator")

    def __init__(self, translator: Translator, span: ReadableSpan) -> None:
        self._translator = translator
        self._span = span
        self._service: str | None = None
        self._titles: tuple[str, str] | None = None
        self._entry: SpanMap | None = None

    @property
    def service(self) -> str:
        if self._service is None:
            self._service = self._translator.service_of(self._span)
        return self._service

    @property
    def name(self) -> str:
        return self._titled[0]

    @property
    def resource(self) -> str:
        return self._titled[1]

    @property
    def meta(self) -> Mapping[str, str]:
        return self._translated["meta"]  # type: ignore[no-any-return]

    @property
    def metrics(self) -> Mapping[str, float]:
        return self._translated["metrics"]  # type: ignore[no-any-return]

    @property
    def _titled(self) -> tuple[str, str]:
        if self._titles is None:
            titled = self._translator.titled(self._span) if self._entry is None else None
            if titled is not None:
                self._service, name, resource = titled
                self._titles = name, resource
            else:
                self._titles = self._translated["name"], self._translated["resource"]
        return self._titles

    @property
    def _translated(self) -> SpanMap:
        if self._entry is None:
            self._entry = self._translator.viewed(self._span)
        return self._entry


def _classified(span: ReadableSpan) -> tuple[Plugin | None, Operation, dict[str, Any]]:
    """Which plugin made the span (None: another's), which of its operations it is, and its attributes."""
    attributes = reading.attributes(span)
    plugin = plugin_of(span)
    if plugin is None:
        return None, otel.operation(span.kind), attributes
    operations = plugin.operations
    told = attributes.get(operations.key)
    operation = operations.by_value.get(told) if type(told) is str else None
    return plugin, operation or operations.otherwise, attributes


def _in_start_order(spans: Sequence[ReadableSpan]) -> Sequence[ReadableSpan]:
    """Of spans that start at the same tick of the clock the one that ended last is the outer one, and goes first."""
    if len(spans) == 1:
        return spans
    ordered = list(spans)
    ordered.reverse()
    try:
        ordered.sort(key=_start_time)
    except (AttributeError, TypeError):
        ordered.sort(key=lambda span: times.moment(span.start_time))
    return ordered
