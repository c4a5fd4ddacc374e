"""Tests of an application stop the time, and its traces go on."""

from __future__ import annotations

import time

import pytest
from freezegun import freeze_time

from otel_dd_distro.clock import clock
from tests.agents import ScriptedAgent
from tests.otel_dd_distro.export.made import run


def test_our_clock_goes_on_where_that_of_the_application_stands_still() -> None:
    before = time.time_ns()
    with freeze_time("2012-01-14"):
        assert time.time_ns() < before
        assert clock.time_ns() >= before
        assert clock.time() * 1e9 == pytest.approx(before, abs=600e9)
        first = clock.monotonic()
        while clock.monotonic() == first:
            time.sleep(0.001)


FROZEN = """
import time
import otel_dd_distro
from freezegun import freeze_time
from opentelemetry import trace

provider = otel_dd_distro.install()
tracer = trace.get_tracer("shop")
with freeze_time("2012-01-14"):
    for _ in range(3):
        with tracer.start_as_current_span("work") as span:
            span.add_event("seen")
            time.sleep(0.02)
        # Nothing is flushed: what waits is sent when it is due.
        before = otel_dd_distro.counters().sent
        while otel_dd_distro.counters().sent == before:
            time.sleep(0.01)
    assert time.localtime().tm_year == 2012
provider.shutdown()
"""


def test_spans_of_a_frozen_application_have_the_real_time_and_are_sent_while_it_is_frozen() -> None:
    with ScriptedAgent() as there:
        run(FROZEN, DD_TRACE_AGENT_URL=there.url, DD_TRACE_WRITER_INTERVAL_SECONDS="0.05")
        spans = [span for payload in there.payloads() for trace in payload.traces() for span in trace]
    assert len(spans) == 3
    for span in spans:
        assert span["start"] == pytest.approx(time.time_ns(), abs=600e9)
        assert 0.01e9 < span["duration"] < 60e9
        assert '"time_unix_nano": 13' not in str(span["meta"].get("events"))
