"""When the export thread works, and what where there is none."""

from __future__ import annotations

import math
import signal
import threading
import time
from typing import Any

import pytest
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,
    Context,
    attach,
    detach,
    get_current,
    get_value,
    set_value,
)

from otel_dd_distro.export import Agent, AgentInfo, cycle
from otel_dd_distro.export.signal_safe_event import SignalSafeEvent
from otel_dd_distro.export.thread import WAKE_AT
from otel_dd_distro.local_trace.chunk import Chunk
from tests.agents import (
    Reply,
    ScriptedAgent,
    drips,
    hangs,
    says,
    waits,
)
from tests.otel_dd_distro.export.made import Lines, Make, chunk, encode, ids, settled


def test_without_a_flush_spans_leave_with_the_interval(make: Make) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=0.1)
        writer.submit(chunk())
        assert settled(writer).sent == 1


def test_a_full_raw_queue_wakes_the_thread_early(make: Make) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=60.0)
        for _ in range(30):
            writer.submit(chunk(50))
        end = time.monotonic() + 60
        while not writer.counters().sent and time.monotonic() < end:
            time.sleep(0.01)
        assert writer.counters().sent >= WAKE_AT


def test_what_waits_is_encoded_soon_and_sent_when_it_is_due(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=60.0)
        writer.submit(chunk(WAKE_AT + 1))
        first = settled(writer).sent

        def encoded(size: int) -> None:
            end = time.monotonic() + 60
            while writer.counters().queued_bytes < size and time.monotonic() < end:
                time.sleep(0.01)

        writer.submit(chunk(WAKE_AT + 1))
        encoded(1)
        assert writer.counters().queued_bytes > 0
        assert writer.counters().sent == first
        monkeypatch.setattr(cycle, "SEND_AT", 1)
        writer.submit(chunk(WAKE_AT + 1))
        assert settled(writer).sent == 3 * first


def test_our_own_requests_are_nobodys_spans(make: Make) -> None:
    seen: list[tuple[object, object, str]] = []

    def looking(one: Chunk, info: AgentInfo) -> bytes:
        thread = threading.current_thread()
        assert thread.daemon
        values = get_value(_SUPPRESS_INSTRUMENTATION_KEY), get_value("suppress_instrumentation")
        seen.append((*values, thread.name))
        return encode(one, info)

    with ScriptedAgent() as there:
        writer = make(there.url, looking)
        writer.submit(chunk())
        assert writer.flush(60)
    assert seen == [(True, True, "otel-dd-export")]
    assert get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None


def test_the_export_thread_starts_in_nobodys_context(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instrumentors of threads take along what is current at the start."""
    seen: list[Context] = []
    start = threading.Thread.start

    def looking(thread: threading.Thread) -> None:
        if thread.name == "otel-dd-export":
            seen.append(get_current())
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", looking)
    with ScriptedAgent() as there:
        writer = make(there.url)
        token = attach(set_value("a trace", "that is kept"))
        writer.submit(chunk())
        detach(token)
        assert writer.flush(60)
    assert seen == [{}]


def test_a_process_without_threads_sends_when_it_is_told_to(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with ScriptedAgent() as there:
        writer = make(there.url)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            writer.submit(chunk(2))
        assert writer.flush(60)
        assert writer.counters().sent == 2
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            writer.submit(chunk(3))
        assert writer.shutdown()
        assert writer.counters().sent == 5
        assert len(there.spans()) == len(set(there.spans())) == 5


@pytest.mark.parametrize("amid", ["encoding", "an exchange", "a pause"])
def test_what_a_signal_handler_raises_in_a_process_without_threads_reaches_it_and_the_spans_the_agent(
    make: Make, monkeypatch: pytest.MonkeyPatch, amid: str
) -> None:
    class TooLong(Exception):
        pass

    def limit(*_: Any) -> None:
        raise TooLong

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def interrupting(*_: Any) -> Any:
        signal.raise_signal(signal.SIGUSR1)
        raise AssertionError

    before = signal.signal(signal.SIGUSR1, limit)
    try:
        with ScriptedAgent(*([says(500)] if amid == "a pause" else []), says()) as there:
            writer = make(there.url)
            one = chunk(2)
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", start)
                writer.submit(one)
            writer._agent_state.info_due_s = math.inf
            with monkeypatch.context() as patch:
                where = {
                    "encoding": (writer._encoding, "_encode"),
                    "an exchange": (Agent, "_exchange"),
                    "a pause": (SignalSafeEvent, "wait"),
                }
                patch.setattr(*where[amid], interrupting)
                with pytest.raises(TooLong):
                    writer.flush(60)
            counters = writer.counters()
            assert (counters.accepted, counters.sent, counters.dropped, counters.queued) == (2, 0, {}, 2)
            assert writer.flush(60)
            counters = writer.counters()
            assert (counters.accepted, counters.sent, counters.dropped, counters.queued) == (2, 2, {}, 0)
            assert set(there.spans()) == set(ids(one))
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(
    "reply",
    [hangs(), drips(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500, 0.2), waits(1000, says()), waits(0.2, says(500))],
)
@pytest.mark.parametrize("timeout_s", [0.0, 0.3])
def test_a_flush_is_over_in_time_whatever_the_agent_does(make: Make, reply: Reply, timeout_s: float) -> None:
    with ScriptedAgent(reply, info=reply) as there:
        writer = make(there.url)
        writer.submit(chunk())
        began = time.monotonic()
        assert not writer.flush(timeout_s)
        assert time.monotonic() - began < 30


def test_a_mistake_in_the_export_thread_does_not_end_it(
    make: Make, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=0.01)
        with monkeypatch.context() as patch:
            patch.setattr(writer._encoding, "all_that_waits", lambda: 1 / 0)
            writer.submit(chunk())
            assert not writer.flush(0.1)
        assert writer.flush(60)
        assert writer.counters().sent == 1
    assert len(lines()) == 1
    assert "ZeroDivisionError" in lines()[0]
