"""Span links in the form of the Agent's v0.4 intake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.trace import Link

from .attributes import flattened
from .text import value

_FLAGS_ARE_KNOWN = 1 << 31


def native(links: Iterable[Link]) -> list[dict[str, Any]]:
    """The `span_links` of a span."""
    return [_native(link) for link in links]


def _native(link: Link) -> dict[str, Any]:
    context = link.context
    entry: dict[str, Any] = {"trace_id": context.trace_id & (1 << 64) - 1, "span_id": context.span_id}
    if high := context.trace_id >> 64:
        entry["trace_id_high"] = high
    if attributes := flattened(link.attributes):
        entry["attributes"] = attributes
    if context.trace_state:
        entry["tracestate"] = value(context.trace_state.to_header())
    entry["flags"] = int(context.trace_flags) | _FLAGS_ARE_KNOWN
    return entry
