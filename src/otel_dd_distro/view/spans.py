"""A span as the view keeps it, whichever protocol it came by."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MOST_TAGS = 1_000
MOST_CHARACTERS = 32_768
_MOST_LEVELS = 8
_LARGEST_ID = 2**64 - 1
_LARGEST_TIME = 2**63 - 1
# JavaScript reads numbers as doubles.
_LARGEST_EXACT = 2**53


class Refused(ValueError):
    """A payload cannot be read; the message says why, in one line."""


class Span(NamedTuple):
    """What lists, trees and filters need at hand. `json` is the whole span as the page reads it."""

    id: int
    parent: int
    """0 for the root of a trace."""
    service: str
    name: str
    resource: str
    start: int
    """Nanoseconds since 1970."""
    duration: int
    error: bool
    is_native: bool
    """Whether it came by the Agent's protocol, under Datadog's names."""
    json: bytes


class Part(NamedTuple):
    """Spans of one trace in one payload. Datadog's 64-bit ids are the lower half of OpenTelemetry's."""

    trace: int
    """The lower half of the trace id."""
    upper: int
    """The upper half; 0 where the payload does not tell it."""
    spans: list[Span]


def span(
    *,
    id: int,
    parent: int,
    service: str,
    name: str,
    resource: str,
    start: int,
    duration: int,
    error: bool,
    is_native: bool,
    type: str = "",
    tags: Mapping[Any, Any],
    process: Mapping[Any, Any] | None = None,
    events: Sequence[Mapping[str, Any]] = (),
    links: Sequence[Mapping[str, Any]] = (),
) -> Span:
    """A span with all that is shown of it. Raises Refused for an id or a time that no protocol allows."""
    if not 0 < id <= _LARGEST_ID or not 0 <= parent <= _LARGEST_ID:
        raise Refused("a span id is not a number of 64 bits, or is 0")
    if abs(start) > _LARGEST_TIME:
        raise Refused("the start of a span is not a number of 64 bits")
    duration = min(max(duration, 0), _LARGEST_TIME)
    service, name, resource = short(service), short(name), short(resource)
    whole = {
        "id": f"{id:016x}",
        "parent": f"{parent:016x}" if parent else "",
        "service": service,
        "name": name,
        "resource": resource,
        "type": short(type),
        "start": str(start),
        "duration": duration,
        "error": error,
        "tags": shown(tags),
        "process": shown(process or {}),
        "events": shown(events),
        "links": shown(links),
    }
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return Span(id, parent, service, name, resource, start, duration, error, is_native, text.encode(errors="replace"))


def short(text: str) -> str:
    """A text of bearable length."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}... ({len(text)} characters)"


def shown(value: Any, level: int = 0) -> Any:
    """A value of a payload as JSON that JavaScript reads exactly, of bearable size."""
    if isinstance(value, str):
        return short(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (bytes, bytearray)):
        return f"({len(value)} bytes)"
    if level == _MOST_LEVELS:
        return "..."
    if isinstance(value, Mapping):
        items = list(value.items())[:MOST_TAGS]
        return {short(str(key)): shown(one, level + 1) for key, one in items}
    return [shown(one, level + 1) for one in value[:MOST_TAGS]]


def printable(text: str) -> str:
    """A text for the terminal: in one line, without characters that would steer it."""
    return "".join(each if each.isprintable() else " " for each in text)
