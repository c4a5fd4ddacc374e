"""Span events in the forms of the Agent's v0.4 intake: typed maps, or JSON in a tag for older Agents."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import Event

from . import text
from .attributes import as_text
from .times import moment

_LARGEST = 2**63 - 1
_MOST_ITEMS = 128
_SHORT = 1_000


def native(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The `span_events` of a span, for an Agent that says `span_events` in its `/info`."""
    return [
        {
            "time_unix_nano": moment(event.timestamp),
            "name": text.value(str(event.name)),
            "attributes": {key: _typed(value) for key, value in _plain(event.attributes).items()},
        }
        for event in events
    ]


def as_json(events: Sequence[Event]) -> str:
    """The tag `events`: a JSON array that is whole at any length.

    Where it would be longer than a tag may be, long texts in it are cut first, then the last events left out.
    """
    told = [
        {
            "name": text.value(str(event.name)),
            "time_unix_nano": moment(event.timestamp),
            "attributes": _plain(event.attributes),
        }
        for event in events
    ]
    written = [json.dumps(event) for event in told]
    if _length(written) > text.MOST_VALUE:
        written = [json.dumps(_shortened(event)) for event in told]
        while _length(written) > text.MOST_VALUE:
            written.pop()
    return f"[{','.join(written)}]"


def _length(written: list[str]) -> int:
    return sum(map(len, written)) + len(written) + 1


def _plain(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Attributes of the types that both forms know: text, bool, int of 64 bit, float, lists of one of these."""
    plain = {}
    for key, value in (attributes or {}).items():
        one = _one(value) if not isinstance(value, (list, tuple)) else _many(value)
        if one is not None:
            plain[text.key(key if isinstance(key, str) else str(key))] = one
    return plain


def _one(value: Any) -> str | bool | int | float | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and -_LARGEST <= value <= _LARGEST:
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return None if value is None else as_text(value)


def _many(values: Sequence[Any]) -> list[Any]:
    items = [item for value in values[:_MOST_ITEMS] if (item := _one(value)) is not None]
    return items if len(set(map(type, items))) <= 1 else [as_text(item) for item in items]


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"type": 0, "string_value": value}
    if isinstance(value, bool):
        return {"type": 1, "bool_value": value}
    if isinstance(value, int):
        return {"type": 2, "int_value": value}
    if isinstance(value, float):
        return {"type": 3, "double_value": value}
    return {"type": 4, "array_value": {"values": [_typed(item) for item in value]}}


def _shortened(event: dict[str, Any]) -> dict[str, Any]:
    attributes = {
        key: text.value(value)[:_SHORT] if isinstance(value, str) else value
        for key, value in event["attributes"].items()
    }
    return {**event, "name": event["name"][:_SHORT], "attributes": attributes}
