"""Datadog's names on OpenTelemetry's spans, for an Agent that receives OTLP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

FIELDS = {"name": "operation.name", "resource": "resource.name", "service": "service.name", "type": "span.type"}
"""Field of a Datadog span -> the attribute that sets it. Source: the Agent's OTLP intake, these go before its rules."""


class Named(ReadableSpan):
    """A finished span with these attributes beside its own; the span itself stays as it is."""

    def __init__(self, span: ReadableSpan, entry: Mapping[str, Any]) -> None:
        names = {key: entry[field] for field, key in FIELDS.items() if entry.get(field)}
        super().__init__(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes={**(span.attributes or {}), **names},
            events=span.events,
            links=span.links,
            kind=span.kind,
            status=span.status,
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )
        self._dropped = span.dropped_attributes, span.dropped_events, span.dropped_links

    @property
    def dropped_attributes(self) -> int:
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        return self._dropped[2]
