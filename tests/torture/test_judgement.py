from __future__ import annotations

import pytest

from torture.judgement import NONE, judge
from torture.running import Observed

SPANS = [f"{1:016x} {span:016x}" for span in range(1, 5)]
PARENT, CHILD = 10, 11


def observed(**others: object) -> Observed:
    told: dict[str, object] = {"answers": ["tea"], "lines": ["started 10"], "status": 0, "exit_s": 0.1}
    return Observed(**{**told, **others})  # type: ignore[arg-type]


def bare(**others: object) -> Observed:
    return observed(**{"spans": {PARENT: [NONE] * 4}, "ends": {PARENT: {"peak_kib": 20000}}, **others})


def end(accepted: int, sent: int, queued: int = 0, **dropped: int) -> dict[str, object]:
    return {"peak_kib": 30000, "accepted": accepted, "sent": sent, "queued": queued, "dropped": dropped}


def traced(**others: object) -> Observed:
    return observed(**{"spans": {PARENT: SPANS}, "ends": {PARENT: end(4, 4)}, **others})


def rules(seen: Observed, taken: list[str] = SPANS, agent: str = "ok", beside: Observed | None = None) -> list[str]:
    return [fault.rule for fault in judge(beside or bare(), seen, taken, agent)]


def test_a_cell_that_is_as_untraced_and_loses_nothing_has_no_fault() -> None:
    assert rules(traced()) == []
    assert rules(traced(ends={PARENT: end(4, 0, refused=4)}), [], "absent") == []


@pytest.mark.parametrize(
    ("seen", "rule"),
    [
        (traced(answers=["coffee"]), "answers"),
        (traced(status=-15), "status"),
        (traced(left=["python web.py"]), "left"),
        (traced(exit_s=2.8), "exit"),
        (traced(lines=["started 11", "one of ours"]), "lines"),
        (traced(ends={PARENT: {**end(4, 4), "peak_kib": 20000 + (64 << 10) + 1}}), "memory"),
    ],
)
def test_what_differs_from_the_untraced_run_is_a_fault(seen: Observed, rule: str) -> None:
    assert rules(seen) == [rule]


def test_the_end_of_a_slow_untraced_run_leaves_the_traced_one_more_time() -> None:
    assert rules(traced(exit_s=8.0), beside=bare(exit_s=3.0)) == []


def test_numbers_and_ids_in_lines_may_differ() -> None:
    assert rules(traced(lines=["started 4711"])) == []


def test_where_the_agent_takes_nothing_each_process_has_one_line() -> None:
    ends = {PARENT: end(4, 0, timeout=4)}
    line = "dropped 4"
    assert rules(traced(ends=ends, lines=["started 10", line]), [], "silent") == []
    assert rules(traced(ends=ends, lines=["started 10", line, line]), [], "silent") == ["lines"]
    assert rules(traced(ends=ends, lines=["started 10", "Traceback (most recent call last):"]), [], "silent") == [
        "lines"
    ]


def test_a_fault_of_lines_names_those_that_there_should_not_be() -> None:
    ends = {PARENT: end(4, 0, timeout=4)}
    broken = ["started 10", "Traceback (most recent call last):", "ValueError: 7", "Datadog Agent at x: 4 dropped"]
    (fault,) = judge(bare(), traced(ends=ends, lines=broken), [], "silent")
    assert fault.lines == ("Traceback (most recent call last):", "ValueError: 0")
    (fault,) = judge(bare(), traced(lines=broken), SPANS, "ok")
    assert fault.lines == ("Traceback (most recent call last):", "ValueError: 0", "Datadog Agent at x: 0 dropped")


def test_ids_are_distinct_among_all_processes_but_one_process_sees_a_span_around_several() -> None:
    around = f"{1:016x} {9:016x}"
    two = {PARENT: SPANS[:2], CHILD: SPANS[2:]}
    ends = {PARENT: end(3, 3), CHILD: end(2, 2)}
    assert rules(traced(spans=two, around={PARENT: [around, around]}, ends=ends), [*SPANS, around]) == []
    seen = traced(spans=two, around={PARENT: [around], CHILD: [around]}, ends={**ends, CHILD: end(3, 3)})
    assert rules(seen, [*SPANS, around, around]) == ["ids", "ids"]
    assert rules(traced(spans={PARENT: SPANS, CHILD: SPANS[:1]}, ends={**ends, PARENT: end(4, 4)})) == [
        "ids",
        "counters",
    ]


def test_a_span_that_is_neither_taken_nor_counted_is_lost() -> None:
    assert rules(traced(ends={PARENT: end(4, 3, queued=1)}), SPANS[:3]) == ["lost"]
    assert rules(traced(ends={}), SPANS[:3]) == ["lost"]
    assert rules(traced(spans={PARENT: [NONE] * 4}, ends={PARENT: end(0, 0)}), []) == ["lost"]
    assert rules(traced(spans={}, ends={}), []) == ["lost"]


def test_a_span_that_another_process_counts_as_dropped_is_lost_all_the_same() -> None:
    seen = traced(spans={PARENT: SPANS[:2], CHILD: SPANS[2:]}, ends={PARENT: end(4, 2, exit=2), CHILD: end(2, 0, 2)})
    assert rules(seen, SPANS[:2]) == ["lost"]


def test_spans_of_a_process_that_is_killed_as_the_cell_wants_are_not_missed() -> None:
    seen = traced(spans={PARENT: SPANS[:2], CHILD: SPANS[2:]}, ends={PARENT: end(2, 2)}, killed=frozenset([CHILD]))
    assert rules(seen, SPANS[:2]) == []


def test_counters_that_do_not_add_up_or_say_otherwise_than_the_agent_are_a_fault() -> None:
    assert rules(traced(ends={PARENT: end(5, 4)})) == ["counters"]
    assert rules(traced(ends={PARENT: end(5, 5)})) == ["counters"]
    assert rules(traced(ends={PARENT: end(4, 4)}), [], "500") == ["lost", "counters"]
