"""A value that cannot be used costs one line in the log: what is wrong with it, and what is used instead."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

log = logging.getLogger("otel_dd_distro")

NOTHING: Any = object()
"""Where nothing of a value can be saved: the default is used. (None is a value.)"""

_MOST_SHOWN = 100
_MOST_WORDS = 200


class Unusable(ValueError):
    """A value that cannot be obeyed as it stands; `instead` is what can be saved of it."""

    def __init__(self, why: str, instead: Any = NOTHING) -> None:
        super().__init__(why)
        self.instead = instead

    def used(self, default: Any) -> Any:
        """What is used instead of the value."""
        return default if self.instead is NOTHING else self.instead


class Complaint(NamedTuple):
    """Said when all is read: only then is it known what is used instead."""

    name: str
    text: str
    unusable: Unusable
    field: str


def say(complaints: Iterable[Complaint], values: Mapping[str, Any]) -> None:
    """Log a line for each; `values` are those of the fields, as they are used."""
    for name, text, unusable, field in complaints:
        used = _in_words(unusable.used(values.get(field)))
        log.warning("%s=%s: %s; %s is used instead", name, _safe(name, text), unusable, used)


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, frozenset, dict)):
        words = value.items() if isinstance(value, dict) else value
        shown = ", ".join(sorted(map(str, words)) if isinstance(value, frozenset) else map(str, words)) or "nothing"
        return shown if len(shown) <= _MOST_WORDS else shown[:_MOST_WORDS] + "..."
    return "nothing" if value in ("", None) else str(value)


def _safe(name: str, text: str) -> str:
    """The value as a log line may show it: short, without line ends, without credentials."""
    if name == "_DD_TRACE_WRITER_ADDITIONAL_HEADERS":
        return "..."
    secret, at, rest = text.rpartition("@")
    if at:
        scheme, sep, _ = secret.partition("://")
        text = (scheme + sep if sep else "") + "***@" + rest
    return repr(text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "...")
