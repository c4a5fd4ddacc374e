"""What waits is bounded, and counted."""

from __future__ import annotations

from otel_dd_distro.export.queue import RAW_LIMIT
from tests.agents import (
    ScriptedAgent,
    says,
    waits,
)
from tests.otel_dd_distro.export.made import Lines, Make, chunk


def test_the_memory_is_bounded_and_every_span_is_counted_under_five_times_too_much(make: Make, lines: Lines) -> None:
    limit = 300_000
    with ScriptedAgent(silent=True) as there:
        writer = make(there.url, timeout_s=0.5, queue_limit_bytes=limit, interval_s=0.01)
        accepted = 0
        largest = 0
        # About 5 MB, while a payload takes a second and a half to fail.
        for _ in range(800):
            writer.submit(chunk(10, pad=500))
            accepted += 10
            largest = max(largest, writer.counters().queued_bytes)
            # Twice: while what waited is encoded, as much may come again.
            assert len(writer._queue._raw) * 10 <= 2 * RAW_LIMIT + 10
        counters = writer.counters()
        assert counters.accepted == accepted
        assert counters.dropped["full"] > 0
        assert limit * 0.9 < largest <= limit
        assert counters.accepted == sum(counters.dropped.values()) + counters.queued
        writer.shutdown(0.2)
        counters = writer.counters()
        assert counters.accepted == accepted == sum(counters.dropped.values())
        assert counters.queued == 0
        assert counters.queued_bytes == 0
    assert len(lines()) <= 1


def test_after_the_overload_what_was_kept_arrives(make: Make) -> None:
    with ScriptedAgent(waits(0.3, says()), says()) as there:
        writer = make(there.url, queue_limit_bytes=200_000, interval_s=0.01)
        for _ in range(600):
            writer.submit(chunk(10, pad=100))
        assert writer.flush(60)
        counters = writer.counters()
        assert set(counters.dropped) <= {"full"}
        assert counters.sent + counters.dropped.get("full", 0) == 6000
        arrived = there.spans()
        assert len(arrived) == len(set(arrived)) == counters.sent
