"""Finished spans made by hand, as the SDK would hand them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext

TRACE_ID = 0x640CFD8D00000000_12345678901234F0
START = 1_700_000_000_000_000_000
NO_RESOURCE = Resource({})
OTHERS = "another.library"


def span(
    name: str = "work",
    attributes: Mapping[Any, Any] | None = None,
    *,
    id: int = 1,
    parent: int | None = None,
    remote: bool = False,
    scope: str = OTHERS,
    scope_version: str = "",
    kind: SpanKind = SpanKind.INTERNAL,
    status: Status | None = None,
    events: Sequence[Event] = (),
    links: Sequence[Link] = (),
    resource: Resource = NO_RESOURCE,
    start: int | None = START,
    end: int | None = START + 1_000,
    trace_id: int = TRACE_ID,
    tracestate: str = "",
) -> ReadableSpan:
    state = TraceState.from_header([tracestate]) if tracestate else None
    bounded = BoundedAttributes(None, None, immutable=False)
    # Past the SDK's own checks: what reaches us may come from somebody's subclass.
    bounded._dict.update(attributes or {})
    return ReadableSpan(
        name,
        context=SpanContext(trace_id, id, False, TraceFlags(1), state),
        parent=None if parent is None else SpanContext(trace_id, parent, remote, TraceFlags(1)),
        resource=resource,
        attributes=bounded,
        events=list(events),
        links=list(links),
        kind=kind,
        status=status or Status(),
        start_time=start,
        end_time=end,
        instrumentation_scope=InstrumentationScope(scope, scope_version),
    )


def ours(plugin: str, attributes: Mapping[Any, Any], **more: Any) -> ReadableSpan:
    """A span of one of our plugins, in the neutral vocabulary."""
    kinds = {"flask": SpanKind.SERVER, **dict.fromkeys(("botocore", "requests", "sqlite3"), SpanKind.CLIENT)}
    more.setdefault("kind", kinds.get(plugin, SpanKind.INTERNAL))
    return span(more.pop("name", plugin), attributes, scope=f"otel_instrumentors.{plugin}", **more)


def chunk(*spans: ReadableSpan, context: DatadogContext | None = None, partial: bool = False, **more: Any) -> Chunk:
    """A chunk of spans given in start order (they ended the other way round)."""
    return Chunk(list(reversed(spans)), context or DatadogContext(priority=1), partial, more.pop("parents", {}), **more)


def raised(type: str, message: str, stack: str = "Traceback: x", name: str = "exception", **more: Any) -> Event:
    told = {"exception.type": type, "exception.message": message, "exception.stacktrace": stack}
    return Event(name, {**told, **more}, START + 5)


def error(description: str | None = None) -> Status:
    return Status(StatusCode.ERROR, description)


@dataclass
class Made:
    """A span of a trace that is written down as a list."""

    plugin: str
    attributes: dict[str, Any] = field(default_factory=dict)
    parent: int | None = None
    raised: tuple[str, str] | None = None
    failed: bool = False
    name: str = "work"
    remote_parent: int | None = None

    def span(self, place: int, trace_id: int) -> ReadableSpan:
        more: dict[str, Any] = {
            "id": place + 1,
            "parent": self.remote_parent if self.parent is None else self.parent + 1,
            "remote": self.parent is None,
            "start": START + place,
            "end": START + 1_000 - place,
            "events": [raised(*self.raised)] if self.raised else (),
            "status": error() if self.raised or self.failed else None,
            "trace_id": trace_id,
            "name": self.name,
        }
        if self.raised and "error.type" not in self.attributes and self.plugin:
            self.attributes["error.type"] = self.raised[0]
        return ours(self.plugin, self.attributes, **more) if self.plugin else span(attributes=self.attributes, **more)
