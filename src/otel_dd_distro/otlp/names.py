"""Datadog's names on OpenTelemetry's spans, for an Agent that receives OTLP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIELDS = {"name": "operation.name", "resource": "resource.name", "service": "service.name", "type": "span.type"}
"""Field of a Datadog span -> the attribute that sets it. Source: the Agent's OTLP intake, these go before its rules."""


def names(entry: Mapping[str, Any]) -> dict[str, str]:
    """The attributes that set what the Agent would get of the same span from us."""
    return {key: entry[field] for field, key in FIELDS.items() if entry.get(field)}
