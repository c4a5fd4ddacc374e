"""Reads finished spans at the least cost.

The SDK's public properties copy: `attributes` wraps a mapping written in Python, `events` and `links` take a lock and
make a list. The plain containers behind them are read where they are found, the properties elsewhere. A light span
shows what it holds; the containers that the SDK has for it are made when they are asked for, which is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link

Attributes = dict[str, Any]

_UNKNOWN = object()


def attributes(span: ReadableSpan) -> Attributes:
    """The span's attributes, for reading only; of a span that is still open, for single look-ups."""
    held = getattr(span, "held_attributes", None)
    if held is None:
        held = getattr(span, "_attributes", None)
    plain = held if type(held) is dict else getattr(held, "_dict", None)
    return plain if isinstance(plain, dict) else dict(span.attributes or ())


def events(span: ReadableSpan) -> Sequence[Event]:
    """The span's events, oldest first."""
    held = getattr(span, "held_events", _UNKNOWN)
    if held is _UNKNOWN:
        held = getattr(span, "_events", _UNKNOWN)
    return span.events if held is _UNKNOWN or held else ()


def links(span: ReadableSpan) -> Sequence[Link]:
    """The span's links."""
    held = getattr(span, "held_links", _UNKNOWN)
    if held is _UNKNOWN:
        held = getattr(span, "_links", _UNKNOWN)
    return span.links if held is _UNKNOWN or held else ()
