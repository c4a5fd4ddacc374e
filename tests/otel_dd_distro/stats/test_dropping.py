from __future__ import annotations

from typing import Any

import pytest

from otel_dd_distro.stats.dropping import kept
from tests.otel_dd_distro.stats.made import span

SINGLE = {"_dd.span_sampling.mechanism": 8}


def trace(priority: float | None, *others: dict[str, Any]) -> list[dict[str, Any]]:
    first = span({"_dd.p.dm": "-1", "_dd.p.tid": "0000000000000001", "language": "python", "runtime-id": "r"})
    if priority is not None:
        first["metrics"]["_sampling_priority_v1"] = priority
    return [first, *others]


@pytest.mark.parametrize("priority", [1, 2, None, 1.0])
def test_a_sampled_or_undecided_chunk_is_sent_whole(priority: float | None) -> None:
    chunk = trace(priority, span(top=False), span(metrics=dict(SINGLE)))
    assert kept(chunk) is chunk


@pytest.mark.parametrize("priority", [0, -1])
def test_a_chunk_that_is_not_sampled_is_not_sent(priority: int) -> None:
    assert kept(trace(priority, span(top=False), span())) == []


@pytest.mark.parametrize("priority", [0, -1])
@pytest.mark.parametrize("place", [0, 2])
def test_an_error_anywhere_keeps_all_of_it(priority: int, place: int) -> None:
    chunk = trace(priority, span(metrics=dict(SINGLE)), span(top=False))
    chunk[place]["error"] = 1
    assert kept(chunk) is chunk


@pytest.mark.parametrize("priority", [0, -1])
def test_single_spans_are_kept_for_themselves_and_the_first_speaks_for_the_trace(priority: int) -> None:
    one, other = span(metrics=dict(SINGLE)), span(metrics={"_dd1.sr.eausr": 1})
    found = kept(trace(priority, span(), one, span(), other))
    assert found == [one, other]
    assert one["meta"] == {"_dd.p.dm": "-1", "_dd.p.tid": "0000000000000001", "language": "python"}
    assert one["metrics"]["_sampling_priority_v1"] == priority
    assert other["meta"] == {}
    assert "_sampling_priority_v1" not in other["metrics"]


def test_a_root_that_is_kept_for_itself_already_speaks_for_the_trace() -> None:
    chunk = trace(0, span(metrics=dict(SINGLE)))
    chunk[0]["metrics"].update(SINGLE)
    before = dict(chunk[0]["meta"])
    assert kept(chunk) == chunk
    assert chunk[0]["meta"] == before
    assert chunk[1]["meta"] == {}


def test_another_mechanism_keeps_nothing() -> None:
    assert kept(trace(0, span(metrics={"_dd.span_sampling.mechanism": 1}))) == []


def test_no_spans_are_no_spans() -> None:
    assert kept([]) == []
