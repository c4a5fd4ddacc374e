"""Traces that the Agent is configured to ignore: what it would not count is not counted here either.

Source: the Agent's `/info`, `filter_tags`, `filter_tags_regex` and `ignore_resources`; decided by the local root.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..export.info import Ignored

Root = Mapping[str, Any]


class Unreadable(ValueError):
    """A filter that we cannot apply as the Agent does."""


class Filters:
    """Made from what the Agent said. Raises Unreadable where it cannot be followed."""

    def __init__(self, ignored: Ignored) -> None:
        self._resources = [_compiled(pattern) for pattern in ignored.resources]
        self._reject = [_literal(text) for text in ignored.reject] + [_pattern(text) for text in ignored.reject_regex]
        self._require = [_literal(text) for text in ignored.require] + [
            _pattern(text) for text in ignored.require_regex
        ]
        self.are_none = not (self._resources or self._reject or self._require)

    def ignore(self, root: Root) -> bool:
        """Whether the trace of this local root is ignored."""
        resource = root["resource"] or root["name"]
        if any(pattern.search(resource) for pattern in self._resources):
            return True
        meta = root["meta"]
        if any(matches(meta) for matches in self._reject):
            return True
        return not all(matches(meta) for matches in self._require)


Matches = Callable[[Mapping[str, str]], bool]


def _literal(text: str) -> Matches:
    key, value = _split(text)
    return lambda meta: key in meta and (not value or meta[key] == value)


def _pattern(text: str) -> Matches:
    key, value = _split(text)
    if any(sign in key for sign in "*+?[](){}^$|\\"):
        raise Unreadable(f"the key is a pattern: {text!r}")
    pattern = _compiled(value)
    return lambda meta: key in meta and pattern.search(meta[key]) is not None


def _split(text: str) -> tuple[str, str]:
    key, _, value = text.partition(":")
    if not key.strip():
        raise Unreadable(f"no key: {text!r}")
    return key.strip(), value.strip()


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unreadable(f"{pattern!r}: {error}") from error


def readable(ignored: Ignored) -> Filters | None:
    """The filters, or None where one cannot be followed: then the Agent had better count."""
    try:
        return Filters(ignored)
    except Unreadable:
        return None
