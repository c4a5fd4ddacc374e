"""The `dd` member of a W3C tracestate: `s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from ..numbers import small

MAX_LENGTH = 256
"""Of what is written."""
MAX_READ = 512
"""Of what is believed: others write more than we do, but not this much."""
MAX_ORIGIN = 128
MAX_PARENT = 16
_MOST_KEPT = 256

# A value may hold neither of these; "=" travels as "~", so "~" itself cannot.
_IN_VALUES = str.maketrans({",": "_", ";": "_", "~": "_", "=": "~"})
_IN_KEYS = str.maketrans({",": "_", ";": "_", ":": "_", "=": "_", " ": "_"})


class Member(NamedTuple):
    priority: int | None
    origin: str
    tags: dict[str, str]
    """`_dd.p.*`, without the upper half of the trace id: the traceparent has it whole."""
    parent_id: str


def read(text: str) -> Member | None:
    """None where there is no member, or it is too long, or a part is malformed: it is believed whole or not at all."""
    if not text or len(text) > MAX_READ:
        return None
    priority, origin, parent_id = None, "", ""
    tags: dict[str, str] = {}
    for item in text.split(";"):
        key, colon, value = item.partition(":")
        if not colon:
            return None
        if key == "s":
            priority = small(value)
            if priority is None:
                return None
        elif key == "o":
            origin = value.replace("~", "=")[:MAX_ORIGIN]
        elif key == "p":
            parent_id = value[:MAX_PARENT]
        elif key.startswith("t.") and key != "t.tid" and len(key) > 2 and "=" not in key and " " not in key and value:
            tags["_dd.p." + key[2:]] = value.replace("~", "=")
    return Member(priority, origin, tags, parent_id)


def write(priority: int | None, origin: str, parent_id: str, tags: Mapping[str, str]) -> str:
    """Without its key; "" where there is nothing to say. Tags that would make it longer than 256 are left out."""
    before, behind = _around(priority, origin, len(parent_id), tuple(tags.items()))
    return before + parent_id + behind


@lru_cache(_MOST_KEPT)
def _around(priority: int | None, origin: str, length: int, tags: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """What stands before and behind a parent id of that length: most traces of a process say the same."""
    items = []
    if priority is not None:
        items.append(f"s:{priority}")
    if origin:
        # Whatever else is to stand here fits beside an origin of this length.
        items.append("o:" + _value(origin)[:MAX_ORIGIN])
    if length:
        items.append("p:")
    before, behind = ";".join(items), ""
    said = dict(tags)
    for key in _ordered(said) if len(said) > 1 else said:
        value = _value(said[key])
        if key.startswith("_dd.p.") and key != "_dd.p.tid" and value:
            item = f"t.{_plain(key[6:]).translate(_IN_KEYS)}:{value}"
            if len(before) + length + len(behind) + len(item) < MAX_LENGTH:
                behind += f";{item}" if before or behind else item
    return before, behind


def settled(sampled: bool, priority: int | None, origin: str, tags: dict[str, str]) -> int | None:
    """The priority where the sampled flag and the member are read together (system-tests, tracecontext).

    The flag wins: then whoever decided otherwise did not make this decision, and is taken from `tags`.
    """
    if priority is None:
        # A browser leaves the decision to us.
        return None if origin == "rum" else int(sampled)
    if sampled == (priority > 0):
        return priority
    if sampled:
        tags["_dd.p.dm"] = "-0"
    else:
        tags.pop("_dd.p.dm", None)
    return int(sampled)


def _ordered(tags: Mapping[str, str]) -> list[str]:
    first = [key for key in ("_dd.p.dm", "_dd.p.usr.id") if key in tags]
    return first + [key for key in tags if key not in first]


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if " " <= sign <= "~" else "_" for sign in text)


def _value(text: str) -> str:
    return _plain(text).translate(_IN_VALUES).strip()
