from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otel_dd_distro.stats import bucket as module
from tests.otel_dd_distro.stats.made import bins, groups, info, made, sketch, span

BLOCKED = "tracer_blocked_value"


def flood(number: int, make: Callable[[int], dict[str, Any]], **environ: str) -> list[dict[str, Any]]:
    stats = made(agent=info(), **environ)
    for place in range(number):
        stats.count([make(place)])
        if place % 3 == 0:
            stats.count([make(place)])
    found = groups(stats.payloads(everything=True))
    expected = number + len(range(0, number, 3))
    assert sum(group["Hits"] for group in found) == expected, "no span is left out"
    assert sum(group["TopLevelHits"] for group in found) == expected
    assert sum(group["Duration"] for group in found) == expected * 1_000_000
    counts = [sum(bins(group["OkSummary"]).values()) + sum(bins(group["ErrorSummary"]).values()) for group in found]
    assert counts == [group["Hits"] for group in found]
    return found


def test_resources_beyond_the_limit_become_one() -> None:
    found = flood(1500, lambda place: span(resource=f"/{place}"))
    assert len(found) == module.MOST_RESOURCES + 1
    blocked = next(group for group in found if group["Resource"] == BLOCKED)
    assert (blocked["Service"], blocked["Name"]) == ("shop", "work"), "all else is kept"


def test_endpoints_beyond_the_limit_become_one() -> None:
    found = flood(700, lambda place: span({"http.route": f"/{place}"}))
    assert len(found) == module.MOST_ENDPOINTS + 1
    assert sum(group["HTTPEndpoint"] == BLOCKED for group in found) == 1


def test_peer_tags_beyond_the_limit_become_one() -> None:
    found = flood(700, lambda place: span({"span.kind": "client", "out.host": f"h{place}"}))
    assert len(found) == module.MOST_PEERS + 1
    assert sum(group["PeerTags"] == [BLOCKED] for group in found) == 1


def test_additional_tags_beyond_the_limit_become_one() -> None:
    found = flood(300, lambda place: span({"user": f"u{place}"}), DD_TRACE_STATS_ADDITIONAL_TAGS="user")
    assert len(found) == module.MOST_ADDITIONAL + 1
    assert sum(group["AdditionalMetricTags"] == [BLOCKED] for group in found) == 1


def test_keys_beyond_the_limit_become_one_in_all_their_parts() -> None:
    found = flood(
        9000,
        lambda place: span(
            {"span.kind": "client", "http.status_code": "200", "user": "me"}, name=f"n{place}", service=f"s{place % 90}"
        ),
        DD_TRACE_STATS_ADDITIONAL_TAGS="user",
    )
    assert len(found) == module.MOST_KEYS + 1
    (overflow,) = (group for group in found if group["Name"] == BLOCKED)
    for field in ("OkSummary", "ErrorSummary", "Hits", "Duration", "TopLevelHits"):
        del overflow[field]
    assert overflow == {
        "Service": BLOCKED,
        "Name": BLOCKED,
        "Resource": BLOCKED,
        "Type": BLOCKED,
        "SpanKind": BLOCKED,
        "HTTPStatusCode": 0,
        "DBType": "",
        "Errors": 0,
        "Synthetics": False,
        "PeerTags": [BLOCKED],
        "IsTraceRoot": 0,
        "GRPCStatusCode": "",
        "HTTPMethod": BLOCKED,
        "HTTPEndpoint": BLOCKED,
        "srv_src": BLOCKED,
        "AdditionalMetricTags": [BLOCKED],
    }


def test_known_keys_are_counted_as_before_when_there_is_no_room_for_new_ones() -> None:
    stats = made()
    for place in range(module.MOST_KEYS + 10):
        stats.count([span(name=f"n{place}")])
    stats.count([span(name="n0", error=1), span(name="new", error=1)])
    found = {group["Name"]: group for group in groups(stats.payloads(everything=True))}
    assert (found["n0"]["Hits"], found["n0"]["Errors"]) == (2, 1)
    assert (found[BLOCKED]["Hits"], found[BLOCKED]["Errors"]) == (11, 1)


def test_what_is_recognised_is_bounded_where_values_differ_and_keys_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEARNT", 50)
    stats = made()
    for place in range(500):
        host = f"10.0.{place // 256}.{place % 256}"
        stats.count([span({"span.kind": "client", "out.host": host, f"extra.{place}": "x"})])
    (held,) = stats._buckets.values()
    assert len(held.learnt) <= 50
    (group,) = groups(stats.payloads(everything=True))
    assert (group["Hits"], group["PeerTags"]) == (500, ["out.host:blocked-ip-address"])


def test_errors_and_others_have_their_own_distribution() -> None:
    stats = made()
    stats.count([span(duration=1000), span(duration=2000, error=1), span(duration=0), span(duration=4000, top=False)])
    stats.count([span(duration=3000, error=1, top=False, metrics={"_dd.measured": 1})])
    (group,) = groups(stats.payloads(everything=True))
    assert (group["Hits"], group["Errors"], group["TopLevelHits"], group["Duration"]) == (4, 2, 3, 6000)
    assert sum(bins(group["OkSummary"]).values()) == 1
    assert sketch(group["OkSummary"]).zeroCount == 1
    assert sum(bins(group["ErrorSummary"]).values()) == 2
