"""The Agent's intake: what is read of a payload, and what is said of one that cannot be."""

from __future__ import annotations

import json
from typing import Any

import ormsgpack
import pytest

from otel_dd_distro.view import datadog
from otel_dd_distro.view.spans import MOST_CHARACTERS, Part, Refused
from tests.otel_dd_distro.view.running import START, span

MSGPACK = "application/msgpack"


def read(*traces: list[dict[str, Any]]) -> list[Part]:
    return datadog.read_v04(ormsgpack.packb(traces), MSGPACK)


def shown(part: Part) -> list[dict[str, Any]]:
    return [json.loads(each.json) for each in part.spans]


def test_a_span_is_shown_with_all_that_was_sent_of_it() -> None:
    sent = span(
        2,
        1,
        meta={"_dd.p.tid": "6553f10000000000", "http.url": "http://shop/"},
        metrics={"http.status_code": 200, "rate": float("nan"), "large": 2**60},
        meta_struct={"stack": b"\x81\x01\x02"},
        span_events=[
            {
                "name": "exception",
                "time_unix_nano": START,
                "attributes": {
                    "text": {"type": 0, "string_value": "no"},
                    "list": {"type": 4, "array_value": {"values": [{"type": 2, "int_value": 1}]}},
                },
            }
        ],
        span_links=[{"trace_id": 9, "trace_id_high": 1, "span_id": 3, "attributes": {"why": "batch"}}],
    )

    [part] = read([sent])

    assert (part.trace, part.upper) == (7, 0x6553F10000000000)
    assert shown(part) == [
        {
            "id": "0000000000000002",
            "parent": "0000000000000001",
            "service": "shop",
            "name": "web.request",
            "resource": "GET /",
            "type": "web",
            "start": str(START + 2_000_000),
            "duration": 5_000_000,
            "error": False,
            "tags": {
                "_dd.p.tid": "6553f10000000000",
                "http.url": "http://shop/",
                "http.status_code": 200,
                "rate": "nan",
                "large": str(2**60),
                "stack": "(3 bytes)",
            },
            "process": {},
            "events": [{"name": "exception", "time": str(START), "attributes": {"text": "no", "list": [1]}}],
            "links": [
                {
                    "trace": "00000000000000010000000000000009",
                    "span": "0000000000000003",
                    "attributes": {"why": "batch"},
                }
            ],
        }
    ]


def test_events_and_links_in_tags_are_shown_as_such() -> None:
    [part] = read(
        [
            span(
                1,
                meta={
                    "events": json.dumps([{"name": "retry", "time_unix_nano": START, "attributes": {"number": 2}}]),
                    "_dd.span_links": json.dumps([{"trace_id": "0" * 31 + "9", "span_id": "0" * 15 + "3"}]),
                },
            )
        ]
    )
    [whole] = shown(part)

    assert whole["events"] == [{"name": "retry", "time": str(START), "attributes": {"number": 2}}]
    assert whole["links"] == [{"trace": "0" * 31 + "9", "span": "0" * 15 + "3", "attributes": {}}]
    assert whole["tags"] == {}


@pytest.mark.parametrize("text", ["three", "3", "[1, 2]", "{}", '[{"time_unix_nano": "soon"}]', "[" * 10_000])
def test_a_tag_named_events_that_has_none_stays_a_tag(text: str) -> None:
    [part] = read([span(1, meta={"events": text})])
    assert shown(part)[0]["tags"] == {"events": text}
    assert shown(part)[0]["events"] == []


def test_v05_says_the_same_as_v04() -> None:
    sent = span(2, 1, meta={"http.url": "http://shop/"}, metrics={"_dd.measured": 1.0}, error=1)
    strings = ["", "shop", "web.request", "GET /", "web", "http.url", "http://shop/", "_dd.measured"]
    fields = [1, 2, 3, 7, 2, 1, sent["start"], sent["duration"], 1, {5: 6}, {7: 1.0}, 4]

    assert datadog.read_v05(ormsgpack.packb([strings, [[fields]]], option=ormsgpack.OPT_NON_STR_KEYS)) == read([sent])


def test_json_says_the_same_as_msgpack() -> None:
    sent = [[span(1), span(2, 1)]]
    assert datadog.read_v04(json.dumps(sent).encode(), "application/json; charset=utf-8") == read(*sent)


def test_long_texts_are_cut_and_say_how_long_they_were() -> None:
    [part] = read([span(1, resource="x" * 100_000, meta={"many": "y" * 100_000})])
    [whole] = shown(part)
    end = f"... ({100_000} characters)"
    assert whole["resource"] == "x" * MOST_CHARACTERS + end
    assert whole["tags"]["many"] == "y" * MOST_CHARACTERS + end


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the payload is not msgpack"),
        (b"<html>", "the payload is"),
        (ormsgpack.packb({"a": 1}), "the payload is dict instead of list"),
        (ormsgpack.packb([1]), "a trace is int instead of list"),
        (ormsgpack.packb([[1]]), "a span is int instead of dict"),
        (ormsgpack.packb([[span(0)]]), "a span id is not a number of 64 bits, or is 0"),
        (ormsgpack.packb([[span(1, trace_id=0)]]), "a trace id is not a number of 64 bits, or is 0"),
        (ormsgpack.packb([[span(1), span(2, trace_id=8)]]), "the spans of a trace have different trace ids"),
        (ormsgpack.packb([[span(1, start="now")]]), "`start` of a span is str instead of int"),
        (ormsgpack.packb([[span(1, meta=["a"])]]), "`meta` of a span is list instead of dict"),
        (ormsgpack.packb([[span(1, error=True)]]), "`error` of a span is bool instead of int"),
        (ormsgpack.packb([[span(1, span_events=[3])]]), "an event is int instead of dict"),
        (ormsgpack.packb([[span(1, span_events=[{"time_unix_nano": "soon"}])]]), "`time_unix_nano` of an event is str"),
        (b"\x91" * 5_000, "the payload is not msgpack"),
    ],
)
def test_a_payload_that_cannot_be_read_is_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        datadog.read_v04(body, MSGPACK)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ([], "not a table of strings and a list of traces"),
        ([[""], [[[0, 0]]]], "2 fields instead of 12"),
        ([[""], [[[9, 0, 0, 7, 1, 0, 1, 1, 0, {}, {}, 0]]]], "not in the table of strings"),
        ([[""], [[[0, 0, 0, 7, 1, 0, 1, 1, 0, [], {}, 0]]]], "not in the table of strings"),
        ([[5], [[[0, 0, 0, 7, 1, 0, 1, 1, 0, {}, {}, 0]]]], "`name` of a span is int instead of str"),
    ],
)
def test_a_v05_payload_that_cannot_be_read_is_refused_with_the_reason(payload: Any, why: str) -> None:
    with pytest.raises(Refused, match=why):
        datadog.read_v05(ormsgpack.packb(payload))


def test_json_that_cannot_be_read_is_refused_with_the_reason() -> None:
    with pytest.raises(Refused, match="the payload is not JSON"):
        datadog.read_v04(b"[" * 100_000, "application/json")


def test_empty_traces_are_left_out() -> None:
    assert read([]) == []
