"""What waits is bounded, and counted."""

from __future__ import annotations

from otel_dd_distro.export.queue import RAW_BYTES, RAW_LIMIT
from tests.agents import (
    ScriptedAgent,
    says,
    waits,
)
from tests.otel_dd_distro.export.made import Lines, Make, chunk, run


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


def test_the_larger_spans_are_the_fewer_may_wait_unencoded(make: Make) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url)
        assert writer._queue.raw_limit == RAW_LIMIT
        for _ in range(20):
            writer.submit(chunk(2, pad=25_000))
        assert writer.flush(60)
        assert writer._queue.raw_limit < 2 * RAW_BYTES // 25_000
        for _ in range(100):
            writer.submit(chunk(2))
        assert writer.flush(60)
        assert writer._queue.raw_limit == RAW_LIMIT


def test_a_silent_agent_and_statements_of_a_megabyte_cost_some_ten_megabytes() -> None:
    program = """
    import resource, sys
    import otel_dd_distro
    from opentelemetry import trace

    provider = otel_dd_distro.install()
    tracer = trace.get_tracer("otel_instrumentors.psycopg")
    attributes = {"db.system.name": "postgresql", "db.query.text": "INSERT INTO t VALUES ('x')"}
    with tracer.start_as_current_span("INSERT", attributes=attributes):
        pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(600):
        attributes = {**attributes, "db.query.text": f"INSERT INTO t VALUES ({number}, '{'x' * 1_000_000}')"}
        with tracer.start_as_current_span("INSERT", attributes=attributes):
            pass
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    provider.shutdown()
    """
    with ScriptedAgent(silent=True) as there:
        grown = run(program, DD_TRACE_AGENT_URL=there.url, OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="0.1").stdout
    assert int(grown) < 150, "MiB; the statements have 600"
