"""HTTP headers that become attributes: those that an operator names, and none otherwise.

Source: OpenTelemetry semantic conventions for HTTP spans (`http.request.header.<key>`, `http.response.header.<key>`:
all values of the header, in a list), and OpenTelemetry's variables OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_*.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_HEADER_TEMPLATE,
    HTTP_RESPONSE_HEADER_TEMPLATE,
)
from opentelemetry.util.types import AttributeValue

from ..kernel import safety
from ..kernel.switch import listed

VARIABLES = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
"""What the names of the four variables begin with."""

SANITIZE_FIELDS = f"{VARIABLES}SANITIZE_FIELDS"
"""Lists patterns: the values of captured headers in whose names one of them is found are `[REDACTED]`."""

_REDACTED = "[REDACTED]"

CREDENTIALS = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie"))
"""Headers that a pattern never finds: they have to be named."""

_NAME = re.compile(r"[\w-]+")
_MOST_KNOWN = 1_000


class Wanted:
    """The headers of requests or of responses that are to be attributes.

    `entries` are names, in any case, and regular expressions that a whole name has to match. What is found in a name
    by one of the regular expressions `secret` is `[REDACTED]`.
    """

    __slots__ = ("_keys", "_names", "_patterns", "_prefix", "_secret")

    def __init__(self, prefix: str, entries: Iterable[str], secret: Iterable[str] = ()) -> None:
        self._prefix = prefix
        # What is no pattern is at least no secret that gets out because of it.
        self._secret = [_compiled(entry) or re.compile(re.escape(entry), re.IGNORECASE) for entry in secret]
        self._names: set[str] = set()
        self._patterns: list[re.Pattern[str]] = []
        self._keys: dict[Any, tuple[str, bool]] = {}
        for entry in entries:
            if _NAME.fullmatch(entry):
                self._names.add(entry.lower())
                continue
            pattern = _compiled(entry)
            if pattern is not None:
                self._patterns.append(pattern)

    def of(self, headers: Iterable[tuple[Any, Any]]) -> dict[str, AttributeValue]:
        """The attributes of these headers, given as pairs of name and value, each text or bytes."""
        found: dict[str, list[str]] = {}
        for name, value in headers:
            key, is_secret = self._keys.get(name) or self._key(name)
            if key:
                found.setdefault(key, []).append(_REDACTED if is_secret else text(value))
        return {key: values for key, values in found.items()}  # noqa: C416

    def _key(self, name: Any) -> tuple[str, bool]:
        """The attribute of a header, "" for none, and whether its value is secret; remembered: patterns are slow."""
        lower = text(name).lower()
        is_wanted = lower in self._names or (
            lower not in CREDENTIALS and any(pattern.fullmatch(lower) for pattern in self._patterns)
        )
        key = f"{self._prefix}.{lower}" if is_wanted else ""
        known = key, bool(key) and any(pattern.search(lower) for pattern in self._secret)
        if len(self._keys) < _MOST_KNOWN:
            self._keys[name] = known
        return known


def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern, in any case of letters; None for what is none, which is told."""
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        safety.report(f"capturing headers {pattern!r}", error)
        return None


class Captured(NamedTuple):
    """What is wanted of servers and of clients; None for nothing."""

    server_request: Wanted | None
    server_response: Wanted | None
    client_request: Wanted | None
    client_response: Wanted | None


@functools.cache
def captured() -> Captured:
    """What the environment asks for, read when the first request comes by."""

    def wanted(direction: str, prefix: str) -> Wanted | None:
        entries = listed(VARIABLES + direction)
        return Wanted(prefix, entries, listed(SANITIZE_FIELDS)) if entries else None

    return Captured(
        wanted("SERVER_REQUEST", HTTP_REQUEST_HEADER_TEMPLATE),
        wanted("SERVER_RESPONSE", HTTP_RESPONSE_HEADER_TEMPLATE),
        wanted("CLIENT_REQUEST", HTTP_REQUEST_HEADER_TEMPLATE),
        wanted("CLIENT_RESPONSE", HTTP_RESPONSE_HEADER_TEMPLATE),
    )


def text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
