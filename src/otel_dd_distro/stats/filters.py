"""Traces that the Agent is configured to ignore: what it would throw away is neither counted nor sent.

Source: the Agent's `/info`, `filter_tags`, `filter_tags_regex` and `ignore_resources`; decided by the local root, whose
values the Agent normalises first.
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
        resource = root["resource"] or _name(root["name"])
        if any(pattern.search(resource) for pattern in self._resources):
            return True
        meta = _normalised(root["meta"])
        if any(matches(meta) for matches in self._reject):
            return True
        return not all(matches(meta) for matches in self._require)


_OTHER_SIGNS_OF_VALUES = re.compile(r"(?:[^\w:./-]|_)+")
_OTHER_SIGNS_OF_NAMES = re.compile(r"[^A-Za-z0-9.]+|_+")
_MOST_VALUE = 200
_MOST_NAME = 100
_PEER_SERVICES = ("peer.service", "_dd.base_service")


def _normalised(meta: Mapping[str, str]) -> Mapping[str, str]:
    """The tags as the Agent looks at them. Source: the Agent's `normalizer.go`, `normalize.go`."""
    changed = {key: _value(meta[key]) for key in ("env", *_PEER_SERVICES) if key in meta}
    if "http.status_code" in meta and not _is_status(meta["http.status_code"]):
        return {key: value for key, value in {**meta, **changed}.items() if key != "http.status_code"}
    return {**meta, **changed} if changed else meta


def _value(text: str) -> str:
    """Lower case; letters, digits and `:./-` kept, runs of anything else one `_`, none at the ends."""
    return _OTHER_SIGNS_OF_VALUES.sub("_", text.lower()).lstrip("_")[:_MOST_VALUE].rstrip("_")


def _name(text: str) -> str:
    """Letters, digits and dots kept, runs of anything else one `_`; nothing before the first letter."""
    kept = _OTHER_SIGNS_OF_NAMES.sub("_", text)
    first = re.search("[A-Za-z]", kept)
    return kept[first.start() :][:_MOST_NAME].rstrip("_") if first else "unnamed_operation"


def _is_status(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10 and 100 <= int(text) < 600


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
