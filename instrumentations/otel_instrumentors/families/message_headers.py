"""The headers of messages, whatever a protocol lets stand in them: the context of the sender goes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.propagate import get_global_textmap
from opentelemetry.propagators.textmap import Getter


def carrier(headers: object) -> dict[str, Any] | None:
    """The headers that the context goes into: a copy, as those given may serve another message. None for odd ones."""
    if headers is None:
        return {}
    return dict(headers) if isinstance(headers, Mapping) else None


def bears_context(headers: Mapping[str, Any]) -> bool:
    """Whether somebody has put the context of a sender among them."""
    return not get_global_textmap().fields.isdisjoint(headers)


class Headers(Getter[Any]):
    """Reads headers: texts, and what is ASCII in bytes; all else is no header of a context."""

    def get(self, carrier: Any, key: str) -> list[str] | None:
        value = carrier.get(key) if isinstance(carrier, Mapping) else None
        if isinstance(value, (bytes, bytearray)):
            value = value.decode("ascii", "replace")
        return [value] if isinstance(value, str) else None

    def keys(self, carrier: Any) -> list[str]:
        return list(carrier) if isinstance(carrier, Mapping) else []


HEADERS = Headers()
