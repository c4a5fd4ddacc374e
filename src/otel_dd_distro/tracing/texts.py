"""Limits the length of texts while they wait to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.util import types

LONGEST = 1 << 15
"""Characters of an attribute that are kept where the SDK has no limit: no Agent is sent more."""
LONGEST_IN_EVENT = 1 << 17
"""Likewise of an attribute of an event."""


def cut(value: types.AnyValue) -> types.AnyValue:
    """A text, or several, cut at the end."""
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, (list, tuple)):
        return [cut(one) for one in value]
    return value


def of_event(attributes: Mapping[str, types.AnyValue]) -> dict[str, types.AnyValue]:
    """Cut in the middle: the head and the end of a stack trace say most."""
    half = LONGEST_IN_EVENT // 2
    return {
        key: f"{value[:half]}...{value[-half:]}" if isinstance(value, str) and len(value) > LONGEST_IN_EVENT else value
        for key, value in attributes.items()
    }
