"""Reads the Agent's intake: v0.4, which this distro and most tracers send, and v0.5, which ddtrace prefers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import ormsgpack

from .spans import Part, Refused, Span, shown, span

T = TypeVar("T")

_V05_FIELDS = (
    *("service", "name", "resource", "trace_id", "span_id", "parent_id"),
    *("start", "duration", "error", "meta", "metrics", "type"),
)
_V05_TEXTS = {"service", "name", "resource", "type"}


def read_v04(body: bytes, content_type: str) -> list[Part]:
    """An array of traces, each an array of spans as maps; in JSON where the request says so. Raises Refused."""
    traces = _json(body) if content_type.startswith("application/json") else _msgpack(body)
    return [_part(_typed(trace, list, "a trace")) for trace in _typed(traces, list, "the payload") if trace]


def read_v05(body: bytes) -> list[Part]:
    """A table of strings, and traces whose spans are arrays of indexes into it. Raises Refused."""
    payload = _typed(_msgpack(body), list, "the payload")
    if len(payload) != 2:
        raise Refused("the payload is not a table of strings and a list of traces")
    strings = _typed(payload[0], list, "the table of strings")
    traces = _typed(payload[1], list, "the list of traces")
    return [
        _part([_from_v05(strings, fields) for fields in _typed(trace, list, "a trace")]) for trace in traces if trace
    ]


def _from_v05(strings: list[Any], fields: Any) -> dict[str, Any]:
    if len(_typed(fields, list, "a span")) != len(_V05_FIELDS):
        raise Refused(f"a span has {len(fields)} fields instead of {len(_V05_FIELDS)}")
    found = dict(zip(_V05_FIELDS, fields, strict=True))
    try:
        found.update({name: strings[found[name]] for name in _V05_TEXTS})
        found["meta"] = {strings[key]: strings[value] for key, value in found["meta"].items()}
        found["metrics"] = {strings[key]: value for key, value in found["metrics"].items()}
    except (AttributeError, IndexError, TypeError) as error:
        raise Refused("a span refers to what is not in the table of strings") from error
    return found


def _msgpack(body: bytes) -> Any:
    try:
        return ormsgpack.unpackb(body, option=ormsgpack.OPT_NON_STR_KEYS)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the payload is not msgpack: {error}") from error


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the payload is not JSON: {error}") from error


def _typed(value: Any, kind: type[T], what: str) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Refused(f"{what} is {type(value).__name__} instead of {kind.__name__}")
    return value


def _field(raw: Mapping[str, Any], name: str, default: T) -> T:
    value = raw.get(name)
    return default if value is None else _typed(value, type(default), f"`{name}` of a span")


def _part(trace: list[Any]) -> Part:
    spans: list[Span] = []
    upper = ""
    ids = set()
    for each in trace:
        raw = _typed(each, dict, "a span")
        meta: dict[Any, Any] = _field(raw, "meta", {})
        ids.add(_field(raw, "trace_id", 0))
        upper = upper or str(meta.get("_dd.p.tid", ""))
        spans.append(_span(raw, meta))
    if len(ids) != 1:
        raise Refused("the spans of a trace have different trace ids")
    (trace_id,) = ids
    if not 0 < trace_id < 2**64:
        raise Refused("a trace id is not a number of 64 bits, or is 0")
    return Part(trace_id, _upper(upper), spans)


def _upper(text: str) -> int:
    try:
        return int(text, 16) if len(text) == 16 else 0
    except ValueError:
        return 0


def _span(raw: Mapping[str, Any], meta: dict[Any, Any]) -> Span:
    tags = {**meta, **_field(raw, "metrics", {}), **_field(raw, "meta_struct", {})}
    events: list[Any] = _field(raw, "span_events", [])
    links: list[Any] = _field(raw, "span_links", [])
    name = _field(raw, "name", "")
    return span(
        id=_field(raw, "span_id", 0),
        parent=_field(raw, "parent_id", 0),
        service=_field(raw, "service", ""),
        name=name,
        resource=_field(raw, "resource", "") or name,
        type=_field(raw, "type", ""),
        start=_field(raw, "start", 0),
        duration=_field(raw, "duration", 0),
        error=_field(raw, "error", 0) != 0,
        is_native=True,
        # In v0.5, and for an Agent that does not know them, links and events are tags of these names.
        events=[_event(event) for event in events] or _listed(tags, "events", _event),
        links=[_link(link) for link in links] or _listed(tags, "_dd.span_links", _link),
        tags=tags,
    )


def _listed(tags: dict[Any, Any], name: str, read: Callable[[Any], dict[str, Any]]) -> list[dict[str, Any]]:
    """Takes a tag away that is a JSON array of such things; any other value stays a tag."""
    text = tags.get(name)
    if not isinstance(text, str):
        return []
    try:
        found = [read(each) for each in _typed(json.loads(text), list, f"`{name}`")]
    except (ValueError, RecursionError):
        return []
    del tags[name]
    return found


def _event(raw: Any) -> dict[str, Any]:
    event = _typed(raw, dict, "an event")
    attributes = _typed(event.get("attributes") or {}, dict, "`attributes` of an event")
    return {
        "name": str(event.get("name", "")),
        "time": str(_typed(event.get("time_unix_nano", 0), int, "`time_unix_nano` of an event")),
        "attributes": {key: _plain(value) for key, value in attributes.items()},
    }


def _plain(value: Any) -> Any:
    """A value of a native event: `{"type": 0, "string_value": "..."}`, or an array of such."""
    if not isinstance(value, dict) or "type" not in value:
        return shown(value)
    found = next((one for key, one in value.items() if key != "type"), None)
    if isinstance(found, dict):
        return [_plain(one) for one in _typed(found.get("values", []), list, "the values of an array")]
    return found


def _link(raw: Any) -> dict[str, Any]:
    link = _typed(raw, dict, "a link")
    return {
        "trace": _linked(link.get("trace_id_high"), "") + _linked(link.get("trace_id"), "0"),
        "span": _linked(link.get("span_id"), "0"),
        "attributes": _typed(link.get("attributes") or {}, dict, "`attributes` of a link"),
    }


def _linked(value: Any, absent: str) -> str:
    """An id: a number in the protocol, hexadecimal digits in a tag."""
    if isinstance(value, str):
        return value
    return f"{value:016x}" if isinstance(value, int) else absent
