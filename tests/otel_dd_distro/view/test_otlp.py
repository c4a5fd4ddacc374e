"""OTLP/HTTP: what is read of a payload, in protobuf and in JSON, and what is said of one that cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_dd_distro.view import otlp
from otel_dd_distro.view.spans import Part, Refused
from tests.otel_dd_distro.view.running import START

TRACE = "6553f10000000000000000000000000a"


def text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def payload(**more: Any) -> dict[str, Any]:
    """A request as OTLP's JSON has it."""
    span = {
        "traceId": TRACE,
        "spanId": "000000000000000b",
        "parentSpanId": "000000000000000c",
        "name": "GET /",
        "kind": 2,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 5_000_000),
        **more,
    }
    group = {
        "resource": {"attributes": [text("service.name", "shop")]},
        "scopeSpans": [{"scope": {"name": "flask", "version": "3"}, "spans": [span]}],
    }
    return {"resourceSpans": [group]}


def read(**more: Any) -> tuple[Part, dict[str, Any]]:
    [part] = otlp.read_json(json.dumps(payload(**more)).encode())
    return part, json.loads(part.spans[0].json)


def test_a_span_is_shown_with_all_that_was_sent_of_it() -> None:
    part, whole = read(
        attributes=[
            {"key": "http.response.status_code", "value": {"intValue": "500"}},
            {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": True}, {"doubleValue": 0.5}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [text("in", "side")]}}},
            {"key": "nothing", "value": {}},
        ],
        links=[{"traceId": TRACE, "spanId": "000000000000000d", "attributes": [text("why", "batch")]}],
        events=[{"name": "retry", "timeUnixNano": str(START), "attributes": [text("again", "yes")]}],
    )

    assert (part.trace, part.upper) == (10, 0x6553F10000000000)
    assert whole == {
        "id": "000000000000000b",
        "parent": "000000000000000c",
        "service": "shop",
        "name": "GET /",
        "resource": "GET /",
        "type": "",
        "start": str(START),
        "duration": 5_000_000,
        "error": False,
        "tags": {
            "http.response.status_code": 500,
            "list": [True, 0.5],
            "map": {"in": "side"},
            "nothing": None,
            "span.kind": "server",
        },
        "process": {"service.name": "shop", "otel.scope.name": "flask", "otel.scope.version": "3"},
        "events": [{"name": "retry", "time": str(START), "attributes": {"again": "yes"}}],
        "links": [{"trace": TRACE, "span": "000000000000000d", "attributes": {"why": "batch"}}],
    }


def test_an_error_is_that_of_the_exception_that_was_recorded() -> None:
    exception = [
        text("exception.type", "KeyError"),
        text("exception.message", "'tea'"),
        text("exception.stacktrace", "Traceback"),
    ]
    _, whole = read(
        status={"code": 2, "message": "failed"},
        events=[{"name": "exception", "timeUnixNano": str(START), "attributes": exception}],
    )

    assert whole["error"] is True
    assert {name: value for name, value in whole["tags"].items() if name.startswith("error")} == {
        "error.type": "KeyError",
        "error.message": "'tea'",
        "error.stack": "Traceback",
    }


def test_an_error_without_an_exception_has_the_message_of_its_status() -> None:
    _, whole = read(status={"code": 2, "message": "failed"})
    assert (whole["error"], whole["tags"]["error.message"]) == (True, "failed")


def test_datadogs_names_are_used_where_they_are_given() -> None:
    names = ("operation.name", "flask.request"), ("resource.name", "GET /<id>"), ("service.name", "other")
    _, whole = read(attributes=[text(*pair) for pair in (*names, ("span.type", "web"))])
    assert [whole[field] for field in ("name", "resource", "service", "type")] == [
        "flask.request",
        "GET /<id>",
        "other",
        "web",
    ]


def test_protobuf_says_the_same_as_json() -> None:
    sent = payload()
    request = ParseDict(otlp._with_binary_ids(json.loads(json.dumps(sent))), ExportTraceServiceRequest())
    assert otlp.read_protobuf(request.SerializeToString()) == otlp.read_json(json.dumps(sent).encode())


def test_unknown_fields_and_kinds_are_passed_over() -> None:
    _, whole = read(kind=77, novelty={"a": 1})
    assert "span.kind" not in whole["tags"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"resourceSpans": 3}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [3]}]}]}',
        json.dumps(payload(traceId="xyz")).encode(),
        json.dumps(payload(traceId="00")).encode(),
        json.dumps(payload(traceId="0" * 32)).encode(),
        json.dumps(payload(spanId="")).encode(),
        json.dumps(payload(startTimeUnixNano="soon")).encode(),
        json.dumps(payload(startTimeUnixNano=str(2**64 - 1))).encode(),
        b'{"a":' * 100_000,
    ],
)
def test_json_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        otlp.read_json(body)


@pytest.mark.parametrize("body", [b"\xff", b"{}", b"\x0a\xff\xff\xff\xff\x0f"])
def test_protobuf_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="not an OTLP request for traces"):
        otlp.read_protobuf(body)
