"""The last traces, whole across services and within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from otel_dd_distro.view import store as module
from otel_dd_distro.view.datadog import _span
from otel_dd_distro.view.spans import Part
from otel_dd_distro.view.store import Store, trace_id
from tests.otel_dd_distro.view.running import START, span


def part(*spans: dict[str, Any], trace: int = 7, upper: int = 0, is_native: bool = True) -> Part:
    read = [_span(each, each.get("meta", {}))._replace(is_native=is_native) for each in spans]
    return Part(trace, upper, read)


@pytest.fixture
def store() -> Store:
    return Store(most_traces=3, most_bytes=1_000_000)


def test_the_parts_of_a_trace_that_services_send_are_one_row(store: Store) -> None:
    store.add([part(span(3, 2, service="stock", error=1))])
    store.add([part(span(1), span(2, 1, name="http.request", duration=9_000_000), upper=0xAB)])

    [trace] = store
    assert trace.summary() == {
        "id": "0000000000000007",
        "trace_id": "00000000000000ab0000000000000007",
        "start": str(START + 1_000_000),
        "duration": 10_000_000,
        "service": "shop",
        "name": "web.request",
        "resource": "GET /",
        "is_whole": True,
        "services": {"stock": 1, "shop": 2},
        "names": ["http.request", "web.request"],
        "spans": 3,
        "errors": 1,
        "left_out": 0,
    }


def test_a_trace_without_its_root_is_named_by_the_earliest_span_and_says_so(store: Store) -> None:
    store.add([part(span(6, 3, resource="late"), span(5, 4, resource="early"))])

    [trace] = store
    summary = trace.summary()
    assert (summary["resource"], summary["is_whole"]) == ("early", False)


def test_a_trace_whose_spans_are_each_others_parents_has_a_row(store: Store) -> None:
    store.add([part(span(1, 2), span(2, 1))])
    [trace] = store
    assert trace.summary()["spans"] == 2


def test_a_span_that_is_sent_again_is_kept_once(store: Store) -> None:
    for _ in range(3):
        store.add([part(span(1))])

    [trace] = store
    assert len(trace.spans) == 1
    assert store.size == trace.size < 2_000


@pytest.mark.parametrize("native_comes_first", [True, False])
def test_of_a_span_that_comes_by_both_protocols_datadogs_names_stay(store: Store, native_comes_first: bool) -> None:
    native = part(span(1, name="flask.request"))
    other = part(span(1, name="GET /"), is_native=False)
    for one in (native, other) if native_comes_first else (other, native):
        store.add([one])

    [trace] = store
    assert [each.name for each in trace.spans.values()] == ["flask.request"]
    assert store.size == trace.size


def test_the_traces_that_were_added_to_last_are_kept(store: Store) -> None:
    for number in (1, 2, 3):
        store.add([part(span(1), trace=number)])
    store.add([part(span(2, 1), trace=1)])
    store.add([part(span(1), trace=4)])

    assert [trace.id for trace in store] == [4, 1, 3]


def test_memory_is_bounded_whatever_comes() -> None:
    store = Store(most_traces=1_000, most_bytes=1_000_000)
    for number in range(1, 200):
        store.add([part(span(1, meta={"text": "x" * 30_000}), trace=number)])

    assert 900_000 < store.size <= 1_000_000
    assert store.size == sum(trace.size for trace in store)


def test_one_trace_does_not_drive_all_others_out(store: Store) -> None:
    store.add([part(span(1), trace=1)])
    for number in range(1, 100):
        store.add([part(span(number, meta={"text": "x" * 30_000}), trace=2)])

    large, small = store
    assert (small.id, large.id) == (1, 2)
    assert len(large.spans) + large.left_out == 99
    assert large.size <= 250_000


def test_spans_of_a_trace_are_bounded_by_number(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SPANS_OF_A_TRACE", 5)
    store.add([part(*(span(number) for number in range(1, 9)))])

    [trace] = store
    assert (len(trace.spans), trace.left_out) == (5, 3)


def test_listeners_are_told_what_has_changed_and_what_is_gone(store: Store) -> None:
    told: list[set[int]] = []
    store.changed.append(told.append)
    for number in (1, 2, 3, 4):
        store.add([part(span(1), trace=number)])
    store.refuse("not msgpack")
    store.clear()

    assert told == [{1}, {2}, {3}, {1, 4}, set(), {2, 3, 4}]
    assert store.totals() == {
        "traces": 0,
        "most_traces": 3,
        "bytes": 0,
        "most_bytes": 1_000_000,
        "spans": 4,
        "refused": 1,
        "refusal": "not msgpack",
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [("000000000000000a", 10), ("6553f10000000000000000000000000a", 10), ("a", 0), ("x" * 16, 0), ("", 0)],
)
def test_a_trace_is_asked_for_by_16_or_32_digits(text: str, found: int) -> None:
    assert trace_id(text) == found
