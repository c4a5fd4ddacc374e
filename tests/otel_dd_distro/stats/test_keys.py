from __future__ import annotations

from typing import Any

import pytest

from tests.otel_dd_distro.stats.made import counted, info, span, the_only


def test_a_group_has_every_field_of_the_key() -> None:
    one = span(
        {
            "span.kind": "client",
            "http.status_code": "404",
            "http.method": "GET",
            "http.route": "/a/<id>",
            "grpc.code": "NOT_FOUND",
            "_dd.origin": "synthetics-browser",
            "_dd.svc_src": "requests",
            "db.name": "orders",
            "out.host": "10.0.0.1:80",
            "region": "eu",
        },
        type="http",
        parent_id=7,
        duration=2_000_000,
    )
    group = the_only(one, DD_TRACE_STATS_ADDITIONAL_TAGS="tier,region")
    sketches = group.pop("OkSummary"), group.pop("ErrorSummary")
    assert all(isinstance(data, bytes) for data in sketches)
    assert group == {
        "Service": "shop",
        "Name": "work",
        "Resource": "GET /",
        "Type": "http",
        "HTTPStatusCode": 404,
        "DBType": "",
        "Hits": 1,
        "TopLevelHits": 1,
        "Errors": 0,
        "Duration": 2_000_000,
        "Synthetics": True,
        "SpanKind": "client",
        "PeerTags": ["db.name:orders", "out.host:blocked-ip-address:80"],
        "IsTraceRoot": 2,
        "GRPCStatusCode": "5",
        "HTTPMethod": "GET",
        "HTTPEndpoint": "/a/<id>",
        "srv_src": "requests",
        "AdditionalMetricTags": ["region:eu"],
    }


def test_a_bare_span_has_empty_fields() -> None:
    group = the_only(span())
    assert (group["Type"], group["SpanKind"], group["HTTPStatusCode"], group["IsTraceRoot"]) == ("", "", 0, 1)
    assert (group["PeerTags"], group["AdditionalMetricTags"], group["GRPCStatusCode"]) == ([], [], "")


ALIKE = span({"span.kind": "client"})


@pytest.mark.parametrize(
    "other",
    [
        span({"span.kind": "client"}, service="other"),
        span({"span.kind": "client"}, name="other"),
        span({"span.kind": "client"}, resource="other"),
        span({"span.kind": "client"}, type="web"),
        span({"span.kind": "server"}),
        span({"span.kind": "client", "http.status_code": "200"}),
        span({"span.kind": "client", "_dd.origin": "synthetics"}),
        span({"span.kind": "client"}, parent_id=3),
        span({"span.kind": "client", "http.method": "GET"}),
        span({"span.kind": "client", "http.endpoint": "/a"}),
        span({"span.kind": "client", "http.route": "/a"}),
        span({"span.kind": "client", "grpc.code": "0"}),
        span({"span.kind": "client"}, {"rpc.grpc.status_code": 0}),
        span({"span.kind": "client", "_dd.svc_src": "redis"}),
        span({"span.kind": "client", "db.name": "orders"}),
        span({"span.kind": "client", "tier": "1"}),
    ],
)
def test_spans_that_differ_in_one_of_them_are_counted_apart(other: dict[str, Any]) -> None:
    both = counted(ALIKE, other, ALIKE, DD_TRACE_STATS_ADDITIONAL_TAGS="tier")
    assert sorted(group["Hits"] for group in both) == [1, 2]


@pytest.mark.parametrize(
    "other",
    [
        span({"span.kind": "client", "http.url": "http://x/?a=1", "component": "requests"}),
        span({"component": "x", "span.kind": "client"}),
        span({"span.kind": "client", "_dd.origin": "rum"}),
        span({"span.kind": "client"}, {"_dd.measured": 1, "db.row_count": 3}),
        span({"span.kind": "client"}, error=1),
        span({"span.kind": "client"}, top=False),
        span({"span.kind": "client"}, span_id=9, trace_id=9, duration=5),
        span({"span.kind": "client", "http.status_code": "no"}),
        span({"span.kind": "client", "http.status_code": ""}),
        span({"span.kind": "client", "tier": ""}),
    ],
)
def test_nothing_else_counts_spans_apart(other: dict[str, Any]) -> None:
    assert the_only(ALIKE, other, ALIKE, DD_TRACE_STATS_ADDITIONAL_TAGS="tier")["Hits"] == 3


@pytest.mark.parametrize(
    ("meta", "metrics", "expected"),
    [
        ({"http.status_code": "200"}, {}, 200),
        ({"http.status_code": "200"}, {"http.status_code": 404}, 404),
        ({}, {"http.status_code": 500.0}, 500),
        ({}, {"http.status_code": -1}, 0),
        ({}, {"http.status_code": 1e30}, 0),
        ({"http.status_code": "abc"}, {}, 0),
        ({"http.status_code": "-1"}, {}, 0),
        ({"http.status_code": "٣"}, {}, 0),
        ({"http.status_code": "9" * 5000}, {}, 0),
        ({}, {}, 0),
    ],
)
def test_http_status(meta: dict[str, str], metrics: dict[str, float], expected: int) -> None:
    assert the_only(span(meta, metrics))["HTTPStatusCode"] == expected


@pytest.mark.parametrize(
    ("meta", "metrics", "expected"),
    [
        ({"rpc.grpc.status_code": "OK"}, {}, "0"),
        ({"grpc.code": "StatusCode.UNAVAILABLE"}, {}, "14"),
        ({"rpc.grpc.status.code": "7"}, {}, "7"),
        ({"grpc.status.code": "canceled"}, {}, "1"),
        ({"grpc.status.code": "CANCELLED"}, {}, "1"),
        ({"grpc.code": "InvalidArgument"}, {}, "3"),
        ({"grpc.code": "RESOURCE_EXHAUSTED"}, {}, "8"),
        ({"grpc.code": "UNAUTHENTICATED"}, {}, "16"),
        ({"grpc.code": "nonsense", "grpc.status.code": "2"}, {}, "2"),
        ({"rpc.grpc.status_code": "PERMISSION_DENIED"}, {"rpc.grpc.status_code": 2}, "7"),
        ({}, {"grpc.code": 3.0}, "3"),
        ({}, {"grpc.code": 3.5}, ""),
        ({}, {"grpc.code": -1}, ""),
        ({"grpc.code": "999"}, {}, ""),
        ({"grpc.code": ""}, {}, ""),
        ({}, {}, ""),
    ],
)
def test_grpc_status(meta: dict[str, str], metrics: dict[str, float], expected: str) -> None:
    assert the_only(span(meta, metrics))["GRPCStatusCode"] == expected


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"http.route": "/a"}, "/a"),
        ({"http.route": "/a", "http.endpoint": "/b"}, "/b"),
        ({"http.url": "http://x/a"}, ""),
    ],
)
def test_endpoint(meta: dict[str, str], expected: str) -> None:
    assert the_only(span(meta))["HTTPEndpoint"] == expected


@pytest.mark.parametrize("kind", ["client", "producer", "consumer", "CLIENT"])
def test_outgoing_calls_bear_the_peer_tags_that_the_agent_names(kind: str) -> None:
    tags = {"span.kind": kind, "out.host": "api", "db.name": "", "other": "x", "_dd.base_service": "shop"}
    assert the_only(span(tags))["PeerTags"] == ["db.name", "out.host:api"]


@pytest.mark.parametrize("kind", ["server", "internal", ""])
def test_other_spans_bear_at_most_their_base_service(kind: str) -> None:
    assert the_only(span({"span.kind": kind, "out.host": "api"}))["PeerTags"] == []
    tags = {"span.kind": kind, "out.host": "api", "_dd.base_service": "shop"}
    assert the_only(span(tags))["PeerTags"] == ["_dd.base_service:shop"]


def test_the_base_service_of_an_outgoing_call_counts_if_the_agent_names_it() -> None:
    agent = info(peer_tags=["_dd.base_service", "out.host"])
    tags = {"span.kind": "client", "out.host": "api", "_dd.base_service": "shop"}
    assert the_only(span(tags), agent=agent)["PeerTags"] == ["_dd.base_service:shop", "out.host:api"]


def test_too_long_a_value_of_an_additional_tag_is_blocked() -> None:
    group = the_only(span({"a": "x" * 201, "b": "y" * 200}), DD_TRACE_STATS_ADDITIONAL_TAGS="b,a")
    assert group["AdditionalMetricTags"] == ["a:tracer_blocked_value", "b:" + "y" * 200]
