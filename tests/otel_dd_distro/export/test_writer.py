"""All of it together: what is brought arrives once, or is counted."""

from __future__ import annotations

import gc
import itertools
import signal
import sys
import threading
import time
import weakref
from types import FrameType
from typing import Any

import pytest

from otel_dd_distro.export import Agent, Writer, queue
from otel_dd_distro.export import writer as writer_module
from otel_dd_distro.export.thread import ExportThread
from otel_dd_distro.export.tries import Ending
from otel_dd_distro.local_trace.chunk import Chunk
from tests.agents import (
    RunningAgent,
    ScriptedAgent,
    Session,
    says,
)
from tests.otel_dd_distro.export.made import Lines, Make, chunk, encode, ids


@pytest.mark.parametrize("over", ["http", "unix"])
def test_every_span_arrives_once_at_the_test_agent(
    test_agent: RunningAgent, agent_session: Session, make: Make, over: str
) -> None:
    url = test_agent.url if over == "http" else test_agent.socket_url
    writer = make(url, headers=agent_session.headers)
    sent = [chunk(spans) for spans in (1, 5, 300)]
    for one in sent:
        writer.submit(one)
    assert writer.flush(60)
    traces = agent_session.traces()
    assert sorted(len(trace) for trace in traces) == [1, 5, 300]
    assert sorted(span["span_id"] for trace in traces for span in trace) == ids(*sent)
    counters = writer.counters()
    assert (counters.accepted, counters.sent, counters.dropped, counters.queued) == (306, 306, {}, 0)
    assert len(agent_session.requests()) == 1


def test_nothing_happens_before_the_first_chunk() -> None:
    threads = threading.active_count()
    with ScriptedAgent() as there:
        writer = Writer(encode, Agent(there.url))
        assert writer.flush(60)
        assert writer.counters().accepted == 0
        assert writer.shutdown()
        assert there.connections == 0
    assert threading.active_count() == threads


def test_sixteen_threads_lose_and_double_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    # Low, so that the threads also encode themselves.
    monkeypatch.setattr(queue, "RAW_LIMIT", 300)
    monkeypatch.setattr(writer_module, "WAKE_AT", 100)
    work = [[chunk(3) for _ in range(400)] for _ in range(16)]
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=0.01)

        def submit(mine: list[Chunk]) -> None:
            for one in mine:
                writer.submit(one)

        threads = [threading.Thread(target=submit, args=(mine,)) for mine in work]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            counters = writer.counters()
            assert counters.accepted == counters.sent + counters.queued
        for thread in threads:
            thread.join()
        assert writer.flush(60)
        counters = writer.counters()
        assert (counters.accepted, counters.sent, counters.queued) == (19_200, 19_200, 0)
        assert sorted(there.spans()) == sorted(span_id for mine in work for span_id in ids(*mine))
        assert there.connections == 1


def test_a_signal_handler_may_end_a_span_while_its_thread_is_inside(make: Make) -> None:

    with ScriptedAgent() as there:
        writer = make(there.url)
        writer.submit(chunk())
        previous = signal.signal(signal.SIGALRM, lambda *_: writer.submit(chunk()))
        try:
            with writer._lock, writer._queue._lock, writer._notices._lock:
                signal.raise_signal(signal.SIGALRM)
        finally:
            signal.signal(signal.SIGALRM, previous)
        assert writer.flush(60)
        assert writer.counters().sent == 2


def test_a_wrong_socket_path_costs_spans_and_a_line_only(make: Make, lines: Lines) -> None:
    writer = make("unix:///no/such/apm.socket")
    writer.submit(chunk())
    assert writer.flush(60)
    assert writer.counters().dropped == {"refused": 1}
    assert "unix:///no/such/apm.socket" in lines()[0]


def test_a_silent_agent_holds_up_a_shutdown_for_its_limit_and_no_longer(make: Make, lines: Lines) -> None:
    with ScriptedAgent(silent=True) as there:
        writer = make(there.url, shutdown_limit_s=0.5)
        writer.submit(chunk(7))
        began = time.monotonic()
        assert not writer.shutdown()
        assert time.monotonic() - began < 30
        counters = writer.counters()
        assert (counters.accepted, counters.dropped, counters.queued) == (7, {"exit": 7}, 0)
        assert len(lines()) == 1
        assert "exit 7" in lines()[0]


def test_what_is_given_up_at_the_end_is_not_counted_again_when_it_arrives_after_all(make: Make) -> None:
    asked, given_up = threading.Event(), threading.Event()

    def late(connection: Any, request: Any) -> None:
        asked.set()
        given_up.wait(60)
        says()(connection, request)

    with ScriptedAgent(late) as there:
        writer = make(there.url, interval_s=0.01)
        writer.submit(chunk(7))
        assert asked.wait(60)
        thread = writer._thread.thread
        assert thread is not None
        assert not writer.shutdown(0.1)
        given_up.set()
        thread.join(60)
        counters = writer.counters()
        assert (counters.accepted, counters.sent, counters.dropped, counters.queued) == (7, 0, {"exit": 7}, 0)


def test_a_shutdown_sends_what_is_queued(make: Make) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=60.0)
        writer.submit(chunk(7))
        thread = writer._thread.thread
        assert writer.shutdown()
        assert writer.counters().sent == 7
        assert thread is not None
        # It has told that it is done, and still has to end.
        thread.join(60)
        assert not thread.is_alive()
        assert writer.shutdown()


def shut_down(writer: Writer, interrupted: int) -> bool:
    """Shut it down, and at the given line of that once more; whether there is such a line."""
    steps, passed = (Writer.shutdown.__code__, Ending.begin.__code__, ExportThread.stop.__code__), 0

    def interrupt(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal passed
        if frame.f_code not in steps:
            return None
        passed += event == "line"
        if event == "line" and passed == interrupted:
            sys.settrace(None)
            assert writer.shutdown(60)
        return interrupt

    before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        assert writer.shutdown(60)
    finally:
        sys.settrace(before)
    return passed >= interrupted


def test_a_shutdown_that_another_interrupts_at_any_of_its_lines_sends_what_is_queued() -> None:
    """As the handler of a signal does it, that comes while the process is ending."""
    with ScriptedAgent() as there:
        for line in itertools.count(1):
            writer = Writer(encode, Agent(there.url), interval_s=600)
            writer.submit(chunk(3))
            was_interrupted = shut_down(writer, line)
            counters = writer.counters()
            assert (counters.sent, counters.dropped) == (3, {})
            if not was_interrupted:
                break
    assert line > 10


def test_after_the_shutdown_chunks_are_counted_and_start_nothing(make: Make, lines: Lines) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url)
        writer.shutdown()
        for _ in range(3):
            writer.submit(chunk(2))
        counters = writer.counters()
        assert (counters.accepted, counters.dropped, counters.queued) == (6, {"shutdown": 6}, 0)
        assert writer.flush(60)
        assert there.connections == 0
    assert writer._thread.thread is None
    assert lines() == []


def test_chunks_that_race_with_the_shutdown_are_all_accounted_for(make: Make) -> None:
    with ScriptedAgent() as there:
        for _ in range(20):
            writer = make(there.url, interval_s=0.001)
            submitted = []

            def submit(writer: Writer = writer, submitted: list[int] = submitted) -> None:
                for _ in range(200):
                    writer.submit(chunk())
                    submitted.append(1)

            threads = [threading.Thread(target=submit) for _ in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(0.005)
            writer.shutdown()
            for thread in threads:
                thread.join()
            counters = writer.counters()
            assert counters.accepted == len(submitted) == 800
            assert counters.queued == 0
            assert counters.sent + sum(counters.dropped.values()) == 800


def test_sent_spans_are_let_go(make: Make) -> None:

    with ScriptedAgent() as there:
        writer = make(there.url)
        one = chunk()
        gone = weakref.ref(one.spans[0])
        writer.submit(one)
        del one
        assert writer.flush(60)
        gc.collect()
        assert gone() is None
