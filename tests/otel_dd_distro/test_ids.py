from __future__ import annotations

import random
import time

import pytest
from opentelemetry.trace import TracerProvider

from otel_dd_distro import tracing
from otel_dd_distro.clock import clock
from otel_dd_distro.ids import RandomIds, ShortTraceIds
from tests.otel_dd_distro.export.made import run


def provider() -> TracerProvider:
    return tracing.TracerProvider(shutdown_on_exit=False)


def test_a_trace_id_has_the_seconds_at_its_beginning_and_64_random_bits_at_its_end() -> None:
    before = int(time.time())
    made = [RandomIds().generate_trace_id() for _ in range(1_000)]
    after = int(time.time())
    assert all(before <= trace_id >> 96 <= after for trace_id in made)
    assert all(trace_id >> 64 & 0xFFFFFFFF == 0 for trace_id in made)
    assert len({trace_id & (1 << 64) - 1 for trace_id in made}) == 1_000


def test_the_tracer_makes_such_ids_for_traces_that_begin_here() -> None:
    before = int(time.time())
    trace_id = provider().get_tracer("t").start_span("x").get_span_context().trace_id
    assert before <= trace_id >> 96 <= int(time.time())
    assert trace_id >> 64 & 0xFFFFFFFF == 0


@pytest.mark.parametrize("now", [0.0, -1.0, 2.0**33 + 7, 4_294_967_295.9])
def test_no_clock_makes_an_id_that_is_none(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    monkeypatch.setattr(clock, "time", lambda: now)
    trace_id = RandomIds().generate_trace_id()
    assert 0 < trace_id < 1 << 128
    assert trace_id & (1 << 64) - 1


def test_short_ids_have_64_bits() -> None:
    assert 0 < ShortTraceIds().generate_trace_id() < 1 << 64


def test_seeding_the_application_s_randomness_repeats_no_id() -> None:
    made = []
    for _ in range(2):
        random.seed(7)
        made.append(RandomIds().generate_trace_id())
    assert made[0] != made[1]


@pytest.mark.parametrize("light", ["true", "false"])
def test_with_either_tracer_seeding_repeats_no_id_and_gives_the_application_its_own_numbers(light: str) -> None:
    program = """
    import random
    import otel_dd_distro
    from opentelemetry import trace
    provider = otel_dd_distro.install()
    traces, spans, numbers = set(), set(), set()
    for _ in range(5):
        random.seed(10)
        with trace.get_tracer("shop").start_as_current_span("work") as span:
            numbers.add(random.random())
        traces.add(span.get_span_context().trace_id)
        spans.add(span.get_span_context().span_id)
    assert len(traces) == len(spans) == 5
    assert len(numbers) == 1
    """
    run(program, OTEL_DD_LIGHT_TRACER=light, DD_TRACE_AGENT_URL="http://127.0.0.1:1")
