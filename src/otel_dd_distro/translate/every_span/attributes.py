"""Attributes become tags: text in `meta`, numbers in `metrics`."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ...interruptions import pass_on
from . import text
from .text import MOST_VALUE

Meta = dict[str, str]
Metrics = dict[str, int | float]

RESERVED = frozenset(
    {
        "service.name",
        "operation.name",
        "resource.name",
        "span.type",
        "analytics.event",
        "sampling.priority",
        "manual.keep",
        "manual.drop",
    }
)
"""What sets a field, or steers sampling, and is no tag."""

ENVIRONMENTS = {"deployment.environment.name": "env", "deployment.environment": "env"}

_HEADERS = {
    "http.request.header.": "http.request.headers.",
    "http.response.header.": "http.response.headers.",
}
_HEADER_TAGS = tuple(_HEADERS.values())
_OTHER_SIGNS = re.compile(r"[^a-z0-9_:/-]")

_TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_FALSE = frozenset({"0", "f", "F", "false", "False", "FALSE"})
_MOST_LEARNT = 4_096
_MOST_ITEMS = 128
_LARGEST = 2**63 - 1
MOST_DIGITS = 16
"""Of a number that is read from a text, fewer: those that a metric, a double, holds exactly."""


class Targets(dict[str, str]):
    """Attribute key -> tag key; an empty tag key for what is used elsewhere.

    Made with the keys that have a tag of another name. It learns the others as they come, the first few thousand of
    them: how a key is cut and cleaned is worked out once. `made` are the tags that are made of several attributes.
    """

    def __init__(self, renamed: Mapping[str, str], *, made: Iterable[str] = ()) -> None:
        super().__init__({**dict.fromkeys(RESERVED, ""), **ENVIRONMENTS, **renamed})
        others = {target for key, target in renamed.items() if target and target != key}
        self.ours = frozenset({*made, *others, *ENVIRONMENTS.values()})
        """The tags that we write: an attribute that has such a name already was set by the user, and stays."""
        self.watched = RESERVED | self.ours
        """The attributes that ask for more than being copied."""

    def __missing__(self, key: Any) -> str:
        target = text.key(key if isinstance(key, str) else str(key))
        for captured, tag in _HEADERS.items():
            if target.startswith(captured):
                target = tag + header_tag(target[len(captured) :])
        if len(self) < _MOST_LEARNT:
            self[key] = target
        return target


def header_tag(name: str) -> str:
    """A header's name as the end of its tag: lower case, signs other than `_-:/` replaced by `_`."""
    return _OTHER_SIGNS.sub("_", name.lower())


def joined(values: Iterable[Any]) -> str:
    """The values of a header as one."""
    return text.value(", ".join(map(as_text, values)))


def copy(attributes: Mapping[str, Any], targets: Targets, meta: Meta, metrics: Metrics) -> None:
    """Write all attributes as tags."""
    for key, value in attributes.items():
        target = targets[key]
        if target:
            kind = type(value)
            if kind is str:
                meta[target] = value if value.isascii() and len(value) <= MOST_VALUE else text.value(value)
            elif kind is int and -_LARGEST <= value <= _LARGEST:
                metrics[target] = value
            else:
                put(target, value, meta, metrics)


def restore(attributes: Mapping[str, Any], targets: Targets, meta: Meta, metrics: Metrics) -> None:
    """Write once more the attributes that we wrote over."""
    for key in targets.ours:
        if key in attributes:
            meta.pop(key, None)
            put(key, attributes[key], meta, metrics)


def steer(attributes: Mapping[str, Any], metrics: Metrics) -> None:
    """Write what `analytics.event` (Go's forms of a bool) and a numeric `sampling.priority` ask for."""
    analysed = as_text(attributes.get("analytics.event"))
    if analysed in _TRUE or analysed in _FALSE:
        metrics["_dd1.sr.eausr"] = int(analysed in _TRUE)
    priority = attributes.get("sampling.priority")
    if isinstance(priority, (int, float)) and not isinstance(priority, bool):
        put("_sampling_priority_v1", priority, {}, metrics)


def put(key: str, value: Any, meta: Meta, metrics: Metrics) -> None:
    """Write one tag of any type.

    Booleans become `true` and `false`, sequences `key.0`, `key.1` and so on (a header's values: one text), maps JSON,
    bytes base64; integers beyond 64 bit are kept as text, numbers that are not finite and None are left out, anything
    else is `str()` of it.
    """
    if isinstance(value, str):
        meta[key] = text.value(str(value))
    elif isinstance(value, bool):
        meta[key] = "true" if value else "false"
    elif isinstance(value, int):
        if -_LARGEST <= value <= _LARGEST:
            metrics[key] = int(value)
        else:
            meta[key] = decimal(value)
    elif isinstance(value, float):
        if math.isfinite(value):
            metrics[key] = float(value)
    elif isinstance(value, (list, tuple)):
        if key.startswith(_HEADER_TAGS):
            meta[key] = joined(value[:_MOST_ITEMS])
            return
        for place, item in enumerate(value[:_MOST_ITEMS]):
            put(f"{key}.{place}", item, meta, metrics)
    elif value is not None:
        meta[key] = text.value(_in_words(value))


def text_of(attributes: Mapping[str, Any], key: str) -> str:
    """An attribute as text; "" where it is missing."""
    value = attributes.get(key)
    return value if type(value) is str and value.isascii() else as_text(value)


def as_text(value: Any) -> str:
    """Any attribute value as text: the form it has where only text is taken."""
    if isinstance(value, str):
        return text.value(str(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return decimal(value)
    return "" if value is None else text.value(_in_words(value))


def flattened(attributes: Mapping[str, Any] | None) -> dict[str, str]:
    """Attributes as text alone, sequences as `key.0`, `key.1`: what a span link takes."""
    flat: dict[str, str] = {}
    for key, value in (attributes or {}).items():
        name = text.key(key if isinstance(key, str) else str(key))
        if isinstance(value, (list, tuple)):
            for place, item in enumerate(value[:_MOST_ITEMS]):
                flat[f"{name}.{place}"] = as_text(item)
        elif value is not None:
            flat[name] = as_text(value)
    return flat


def decimal(number: int) -> str:
    """The number in decimals, or in hexadecimals where it has thousands of them: those Python refuses to write."""
    return str(number) if number.bit_length() < 4_096 else text.value(hex(number))


def _in_words(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    try:
        return _json(value) if isinstance(value, Mapping) else str(value)
    except Exception as error:  # noqa: BLE001
        pass_on(error)
        # Also of an integer of thousands of digits in a map.
        return f"<{type(value).__name__} that cannot be made text>"


def _json(value: Mapping[Any, Any]) -> str:
    try:
        return json.dumps(dict(value), default=str)
    except (TypeError, ValueError, RecursionError):
        return str(value)
