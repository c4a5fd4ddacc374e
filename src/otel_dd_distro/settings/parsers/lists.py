"""Values that are a list or a map."""

from __future__ import annotations

from ..complaints import NOTHING, Unusable

STYLES = ("datadog", "tracecontext", "b3", "b3multi", "baggage")

_KNOWN_EXPORTERS = ("datadog", "otlp", "console", "none")
_MOST_STATS_TAGS = 4
_MOST_SHOWN = 100
# fmt: off
_STATUSES_OF_GRPC = frozenset((
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
))
# fmt: on


def _split(text: str) -> list[str]:
    return [item for part in text.split(",") if (item := part.strip())]


def items(text: str) -> tuple[str, ...]:
    return tuple(_split(text))


def names(text: str) -> frozenset[str]:
    return frozenset(_split(text))


def exporters(text: str) -> tuple[str, ...]:
    # Other exporters are found by the name of their entry point, as it is written.
    names = [name.lower() if name.lower() in _KNOWN_EXPORTERS else name for name in _split(text)]
    if not names:
        raise Unusable("no name in it")
    return tuple(dict.fromkeys(name for name in names if name != "none"))


def stats_tags(text: str) -> tuple[str, ...]:
    tags = sorted(set(_split(text)))
    usable = tuple(tag for tag in tags if ":" not in tag)
    if len(usable) < len(tags):
        raise Unusable("a tag cannot have a colon in its name", instead=usable[:_MOST_STATS_TAGS])
    if len(tags) > _MOST_STATS_TAGS:
        raise Unusable(f"more than {_MOST_STATS_TAGS} tags", instead=usable[:_MOST_STATS_TAGS])
    return usable


def styles(text: str) -> tuple[str, ...]:
    asked = ["b3" if style == "b3 single header" else style for style in _split(text.lower())]
    styles = tuple(dict.fromkeys(style for style in asked if style in STYLES))
    unknown = [style for style in asked if style not in STYLES and style != "none"]
    if unknown or not asked:
        raise Unusable(f"unknown: {', '.join(unknown)[:_MOST_SHOWN]!r}", instead=styles if styles else NOTHING)
    return styles


def pairs(text: str) -> dict[str, str]:
    """`key:value` joined by commas, or by blanks where there is no comma; a later pair wins."""
    pairs = {}
    for item in text.split("," if "," in text else " "):
        key, _, value = item.partition(":")
        if key := key.strip():
            pairs[key] = value.strip()
    return pairs


def header_tags(text: str) -> dict[str, str]:
    return {name.lower(): tag for name, tag in pairs(text).items()}


def headers(text: str) -> dict[str, str]:
    headers = pairs(text if "," in text else text + ",")
    usable = {key: value for key, value in headers.items() if value and (key + value).isascii()}
    usable = {key: value for key, value in usable.items() if (key + value).isprintable() and " " not in key}
    if len(usable) < len(headers):
        raise Unusable("it has characters that an HTTP header cannot have", instead=usable)
    return usable


def resource_attributes(text: str) -> dict[str, str]:
    attributes = {}
    for item in text.split(","):
        key, equals, value = item.partition("=")
        if not equals or "=" in value or not key.strip():
            raise Unusable("not a list of key=value")
        attributes[key.strip()] = value.strip()
    if "%" in text:
        from urllib.parse import unquote  # costs start-up, and is seldom needed

        attributes = {unquote(key): unquote(value) for key, value in attributes.items()}
    return attributes


def statuses(text: str) -> frozenset[int]:
    statuses: set[int] = set()
    wrong = []
    for item in _split(text):
        first, _, last = item.partition("-")
        first, last = first.strip(), last.strip()
        if len(first) == 3 and first.isdecimal() and (not last or (len(last) == 3 and last.isdecimal())):
            ends = sorted((int(first), int(last or first)))
            statuses.update(range(ends[0], ends[1] + 1))
        else:
            wrong.append(item)
    if wrong:
        raise Unusable(f"not a status or a range: {', '.join(wrong)[:_MOST_SHOWN]!r}", instead=frozenset(statuses))
    return frozenset(statuses)


def statuses_of_grpc(text: str) -> frozenset[str]:
    statuses = frozenset(item.upper() for item in _split(text))
    if not statuses <= _STATUSES_OF_GRPC:
        raise Unusable("not status codes of gRPC")
    return statuses
