"""Reads OTLP/HTTP: traces as protobuf or as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .spans import Part, Refused, Span, span

_ERROR = 2
"""`STATUS_CODE_ERROR`."""
_KINDS = ("", "internal", "server", "client", "producer", "consumer")
_IDS = ("traceId", "spanId", "parentSpanId")
# What the Agent takes from attributes; also what OTEL_DD_OTLP_DATADOG_NAMES=true adds.
_OPERATION, _RESOURCE, _SERVICE, _TYPE = "operation.name", "resource.name", "service.name", "span.type"
_EXCEPTIONS = (
    ("exception.type", "error.type"),
    ("exception.message", "error.message"),
    ("exception.stacktrace", "error.stack"),
)


def read_protobuf(body: bytes) -> list[Part]:
    """Raises Refused."""
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise Refused(f"the payload is not an OTLP request for traces: {error}") from error
    return _parts(request)


def read_json(body: bytes) -> list[Part]:
    """Raises Refused."""
    request = ExportTraceServiceRequest()
    try:
        ParseDict(_with_binary_ids(json.loads(body)), request, ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(f"the payload is not an OTLP request for traces: {error}") from error
    return _parts(request)


def _with_binary_ids(payload: Any) -> Any:
    """OTLP's JSON has ids in hexadecimal digits, where JSON of protobuf has bytes in base64."""
    for group in payload.get("resourceSpans", ()):
        for scope in group.get("scopeSpans", ()):
            for each in scope.get("spans", ()):
                for bearer in (each, *each.get("links", ())):
                    for name in _IDS:
                        if bearer.get(name):
                            bearer[name] = base64.b64encode(bytes.fromhex(bearer[name])).decode()
    return payload


def _parts(request: Any) -> list[Part]:
    parts: dict[bytes, Part] = {}
    for trace_id, each in _spans(request):
        if len(trace_id) != 16 or not any(trace_id):
            raise Refused("a trace id is not 16 bytes, or is 0")
        if trace_id not in parts:
            upper, lower = int.from_bytes(trace_id[:8], "big"), int.from_bytes(trace_id[8:], "big")
            parts[trace_id] = Part(lower, upper, [])
        parts[trace_id].spans.append(each)
    return list(parts.values())


def _spans(request: Any) -> Iterator[tuple[bytes, Span]]:
    for group in request.resource_spans:
        process = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            library = {"otel.scope.name": scope.scope.name, "otel.scope.version": scope.scope.version}
            about = {**process, **{key: value for key, value in library.items() if value}}
            for raw in scope.spans:
                yield raw.trace_id, _span(raw, about)


def _span(raw: Any, process: dict[str, Any]) -> Span:
    tags = _attributes(raw.attributes)
    if kind := _KINDS[raw.kind] if raw.kind < len(_KINDS) else "":
        tags.setdefault("span.kind", kind)
    is_error = raw.status.code == _ERROR
    if is_error:
        tags.update(_error(raw, tags))
    return span(
        id=int.from_bytes(raw.span_id, "big"),
        parent=int.from_bytes(raw.parent_span_id, "big"),
        service=str(tags.get(_SERVICE) or process.get(_SERVICE) or "unknown_service"),
        name=str(tags.get(_OPERATION) or raw.name),
        resource=str(tags.get(_RESOURCE) or raw.name),
        type=str(tags.get(_TYPE, "")),
        start=raw.start_time_unix_nano,
        duration=raw.end_time_unix_nano - raw.start_time_unix_nano,
        error=is_error,
        is_native=False,
        tags=tags,
        process=process,
        events=[
            {"name": event.name, "time": str(event.time_unix_nano), "attributes": _attributes(event.attributes)}
            for event in raw.events
        ],
        links=[
            {"trace": link.trace_id.hex(), "span": link.span_id.hex(), "attributes": _attributes(link.attributes)}
            for link in raw.links
        ],
    )


def _error(raw: Any, tags: dict[str, Any]) -> dict[str, Any]:
    """The error as Datadog's tags: of the last exception that was recorded, or of the status."""
    found = {"error.message": raw.status.message} if raw.status.message else {}
    for event in raw.events:
        if event.name == "exception":
            attributes = _attributes(event.attributes)
            found.update({tag: attributes[name] for name, tag in _EXCEPTIONS if name in attributes})
    return {tag: value for tag, value in found.items() if tag not in tags}


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    if kind == "array_value":
        return [_value(one) for one in found.values]
    if kind == "kvlist_value":
        return _attributes(found.values)
    return found
