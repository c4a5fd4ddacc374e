"""What the application itself says of a trace: the attributes `manual.keep` and `manual.drop` of any of its spans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..local_trace import reading

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from ..local_trace.registry import LocalTrace

KEEP = "manual.keep"
DROP = "manual.drop"
USER_KEEP = 2
USER_REJECT = -1

_NO = frozenset({"false", "0"})
_MOST_OPEN = 100


def wish(attributes: Mapping[str, Any]) -> int:
    """The priority that a span's attributes ask for, 0 for none. Any value is meant but false, 0, and None."""
    if KEEP in attributes and _is_meant(attributes[KEEP]):
        return USER_KEEP
    if DROP in attributes and _is_meant(attributes[DROP]):
        return USER_REJECT
    return 0


def strongest(steering: Iterable[Mapping[str, Any]]) -> int:
    """The priority that the attributes of several spans ask for, 0 for none."""
    asked = 0
    for attributes in steering:
        asked = stronger(asked, wish(attributes))
    return asked


def wish_of(spans: Iterable[ReadableSpan]) -> int:
    """The priority that these spans ask for, 0 for none."""
    asked = 0
    for span in spans:
        attributes = reading.attributes(span)
        if KEEP in attributes or DROP in attributes:
            asked = stronger(asked, wish(attributes))
    return asked


def wish_in(trace: LocalTrace) -> int:
    """What the spans of a local trace under way ask for: those still open, and those that ended since last time.

    Of very many open spans, the newest hundred and the root are asked; the others when they have ended.
    """
    still_open = trace.open
    if len(still_open) <= _MOST_OPEN:
        asked = wish_of(tuple(still_open.values()))
    else:
        asked = wish_of((trace.root, *islice(reversed(still_open.values()), _MOST_OPEN)))
    finished = trace.finished
    if finished and asked != USER_KEEP:
        ended = tuple(finished)
        asked = stronger(asked, wish_of(ended[trace.looked_at :]))
        trace.looked_at = len(ended)
    return asked


def stronger(one: int, other: int) -> int:
    """Of two wishes the one that is obeyed: keep goes before drop, and drop before none."""
    return one if one == USER_KEEP or not other else other


def _is_meant(value: Any) -> bool:
    return value is not None and str(value).lower() not in _NO
