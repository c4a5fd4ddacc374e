"""What the conventions make of a span, as far as its keys tell: worked out once for all spans that have these keys.

`conventions.otel` reads the values of a span in order of preference. Which of the keys are there decides most of that;
left for each span are the few values that name it. Where one of them is empty, or no text, the order would go on: then
the span is none of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.trace import SpanKind

from ..every_span.attributes import Meta
from ..every_span.errors import status_text
from . import otel

_MOST_KEPT = 256
_NONE: Mapping[str, Any] = {}
_NAMING = otel.CONVENTIONS - {
    *otel.STATUS,
    *otel.DB_STATEMENT,
    *otel.DESTINATION,
    "db.namespace",
    "rpc.method",
    "graphql.operation.name",
}
"""The keys whose values make name and type: few different ones."""

_NAMING_REQUESTS = frozenset(otel.DB_SYSTEM)
_NAMING_INTERNAL = frozenset({*otel.DB_SYSTEM, "graphql.operation.type"})


def _naming(kind: SpanKind, keys: Iterable[str]) -> frozenset[str]:
    """Those that `otel.name` and `otel.type_of` look at, or that have to have a value for what follows.

    A method has: it is what such a span does.
    """
    if kind is SpanKind.INTERNAL:
        return _NAMING_INTERNAL
    is_request = kind in (SpanKind.CLIENT, SpanKind.SERVER) and any(key in otel.METHOD for key in keys)
    return _NAMING_REQUESTS if is_request else _NAMING


class Described:
    """Name, type and resource of the spans that have the keys `keys`, and the tags that need more than another key."""

    __slots__ = ("_does", "_kind", "_names", "_namespace", "_naming", "_statement", "_status", "_what")

    def __init__(self, kind: SpanKind, keys: Iterable[str]) -> None:
        there = list(keys)
        self._kind = kind
        naming = _naming(kind, there)
        self._naming = tuple(key for key in there if key in naming)
        self._names: dict[Any, tuple[str, str]] = {}
        self._status = next((key for key in otel.STATUS if key in there), "")
        self._namespace = "db.namespace" if "db.namespace" in there and "db.name" not in there else ""
        self._does = self._what = self._statement = ""
        for first, second in otel.actions(kind):
            found = [key for key in first if key in there]
            if found:
                self._does = found[0]
                self._what = next((key for key in second if key in there), "")
                return
        if any(key in there for key in otel.DB_SYSTEM):
            self._statement = next((key for key in otel.DB_STATEMENT if key in there), "")

    def of(self, attributes: dict[str, Any], own: str, meta: Meta) -> tuple[str, str, str] | None:
        """Name, resource and type of a span that is called `own`; completes its tags.

        None where an empty value makes all keys count.
        """
        naming = self._naming
        values: Any = attributes[naming[0]] if len(naming) == 1 else tuple([attributes[key] for key in naming])
        try:
            made = self._names.get(values)
        except TypeError:
            return None  # a map
        if made is None:
            if not all(type(attributes[key]) is str and attributes[key] for key in naming):
                return None
            made = self._named(values, attributes)
        resource = own
        if self._does:
            does = attributes[self._does]
            if type(does) is not str or not does:
                return None
            if self._what:
                what = attributes[self._what]
                if type(what) is not str or not what:
                    return None
                resource = otel.action(does, what, own)
            else:
                resource = otel.action(does, "", own)
        elif self._statement:
            resource = attributes[self._statement]
            if type(resource) is not str or not resource:
                return None
        if self._status:
            status = attributes[self._status]
            if status is not None:
                meta["http.status_code"] = status_text(status)
        if self._namespace and "db.name" not in meta:
            # As it was written among the tags.
            namespace = meta.get(self._namespace) or otel.Found(attributes, _NONE)(self._namespace)
            if namespace:
                meta["db.name"] = namespace
        return made[0], resource, made[1]

    def _named(self, values: Any, attributes: dict[str, Any]) -> tuple[str, str]:
        found = otel.Found(attributes, _NONE)
        made = otel.name(self._kind, found), otel.type_of(self._kind, found)
        if len(self._names) >= _MOST_KEPT:
            self._names.clear()
        self._names[values] = made
        return made
