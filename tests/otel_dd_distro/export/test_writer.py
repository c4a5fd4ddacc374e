from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
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

from otel_dd_distro.export import Agent, AgentInfo, Writer, notices
from otel_dd_distro.export import writer as module
from otel_dd_distro.local_trace.chunk import Chunk
from tests.agents import (
    Reply,
    RunningAgent,
    ScriptedAgent,
    Session,
    drips,
    hangs,
    resets,
    says,
    sends,
    waits,
)
from tests.otel_dd_distro.export.made import chunk, encode, ids, settled, span
from tests.ports import free_port

Make = Callable[..., Writer]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes writers that are shut down, without ado, when the test is over."""
    made: list[Writer] = []

    def make(url: str, encode: Any = encode, *, timeout_s: float = 2.0, **limits: Any) -> Writer:
        headers = limits.pop("headers", {})
        made.append(Writer(encode, Agent(url, timeout_s=timeout_s, headers=headers), **limits))
        return made[-1]

    yield make
    for writer in made:
        thread = writer._thread
        writer.shutdown(0.0)
        if thread is not None:
            thread.join(5)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[int], list[str]]]:
    caplog.set_level(logging.INFO)

    def lines(level: int = logging.WARNING) -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelno == level]

    yield lines
    assert not any(record.exc_info for record in caplog.records), "a traceback"


# --- the normal road ---


@pytest.mark.parametrize("over", ["http", "unix"])
def test_every_span_arrives_once_at_the_test_agent(
    test_agent: RunningAgent, agent_session: Session, make: Make, over: str
) -> None:
    url = test_agent.url if over == "http" else test_agent.socket_url
    writer = make(url, headers=agent_session.headers)
    sent = [chunk(spans) for spans in (1, 5, 300)]
    for one in sent:
        writer.submit(one)
    assert writer.flush(5)
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
        assert writer.flush(1)
        assert writer.counters().accepted == 0
        assert writer.shutdown()
        assert there.connections == 0
    assert threading.active_count() == threads


def test_without_a_flush_spans_leave_with_the_interval(make: Make) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=0.1)
        writer.submit(chunk())
        assert settled(writer, 1.0).sent == 1


def test_a_full_raw_queue_wakes_the_thread_early(make: Make) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=60.0)
        for _ in range(30):
            writer.submit(chunk(50))
        end = time.monotonic() + 5
        while not writer.counters().sent and time.monotonic() < end:
            time.sleep(0.01)
        assert writer.counters().sent >= module.WAKE_AT


def test_what_waits_is_encoded_soon_and_sent_when_it_is_due(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=60.0)
        writer.submit(chunk(module.WAKE_AT + 1))
        first = settled(writer, 5.0).sent

        def encoded(size: int) -> None:
            end = time.monotonic() + 5
            while writer.counters().queued_bytes < size and time.monotonic() < end:
                time.sleep(0.01)

        writer.submit(chunk(module.WAKE_AT + 1))
        encoded(1)
        assert writer.counters().queued_bytes > 0
        assert writer.counters().sent == first
        monkeypatch.setattr(module, "SEND_AT", 1)
        writer.submit(chunk(module.WAKE_AT + 1))
        assert settled(writer, 5.0).sent == 3 * first


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
        assert writer.flush(5)
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
        assert writer.flush(5)
    assert seen == [{}]


def test_sixteen_threads_lose_and_double_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    # Low, so that the threads also encode themselves.
    monkeypatch.setattr(module, "RAW_LIMIT", 300)
    monkeypatch.setattr(module, "WAKE_AT", 100)
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
        assert writer.flush(10)
        counters = writer.counters()
        assert (counters.accepted, counters.sent, counters.queued) == (19_200, 19_200, 0)
        assert sorted(there.spans()) == sorted(span_id for mine in work for span_id in ids(*mine))
        assert there.connections == 1


def test_a_signal_handler_may_end_a_span_while_its_thread_is_inside(make: Make) -> None:
    import signal

    with ScriptedAgent() as there:
        writer = make(there.url)
        writer.submit(chunk())
        previous = signal.signal(signal.SIGALRM, lambda *_: writer.submit(chunk()))
        try:
            with writer._lock:
                signal.raise_signal(signal.SIGALRM)
        finally:
            signal.signal(signal.SIGALRM, previous)
        assert writer.flush(5)
        assert writer.counters().sent == 2


def test_a_process_without_threads_sends_when_it_is_told_to(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with ScriptedAgent() as there:
        writer = make(there.url)
        with monkeypatch.context() as patch:
            patch.setattr(module.threading.Thread, "start", start)
            writer.submit(chunk(2))
        assert writer.flush(2)
        assert writer.counters().sent == 2
        with monkeypatch.context() as patch:
            patch.setattr(module.threading.Thread, "start", start)
            writer.submit(chunk(3))
        assert writer.shutdown()
        assert writer.counters().sent == 5
        assert sorted(there.spans()) == sorted(there.spans())
        assert len(there.spans()) == 5


# --- payloads ---


def test_payloads_stay_below_the_limit(make: Make) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, payload_limit_bytes=10_000)
        sent = [chunk(2, pad=500) for _ in range(50)]
        for one in sent:
            writer.submit(one)
        assert writer.flush(5)
        payloads = there.payloads()
        assert len(payloads) > 5
        assert all(len(payload.body) <= 10_000 for payload in payloads)
        assert [int(payload.headers["x-datadog-trace-count"]) for payload in payloads] == [
            len(payload.traces()) for payload in payloads
        ]
        assert sorted(there.spans()) == ids(*sent)


def test_the_agents_own_limit_counts_when_it_is_lower(make: Make) -> None:
    info = says(body=b'{"config": {"max_request_bytes": 5000}}')
    with ScriptedAgent(info=info) as there:
        writer = make(there.url)
        for _ in range(50):
            writer.submit(chunk(1, pad=500))
        assert writer.flush(5)
        assert all(len(payload.body) <= 5000 for payload in there.payloads())
        assert len(there.spans()) == 50


def test_a_trace_above_the_limit_is_cut_and_nothing_is_lost(make: Make) -> None:
    parts: list[Chunk] = []

    def noting(one: Chunk, info: AgentInfo) -> bytes:
        parts.append(one)
        return encode(one, info)

    with ScriptedAgent() as there:
        writer = make(there.url, noting, payload_limit_bytes=4_000)
        whole = chunk(40, pad=300)
        writer.submit(whole)
        assert writer.flush(5)
        assert sorted(there.spans()) == ids(whole)
        assert all(len(payload.body) <= 4_000 for payload in there.payloads())
        assert writer.counters().sent == 40
    assert not parts[0].partial
    assert all(part.partial for part in parts[1:])
    # Whoever looks for the parent of a span finds it, whichever half it is in.
    everything = set(ids(whole))
    assert all(set(ids(part)) | set(part.parents) == everything for part in parts)
    assert all(part.context is whole.context for part in parts)


def test_a_single_span_above_the_limit_is_dropped_alone(make: Make, lines: Any) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, payload_limit_bytes=4_000)
        one = chunk(3)
        one.spans[1] = span(pad=10_000, trace_id=ids(one)[0])
        writer.submit(one)
        assert writer.flush(5)
        counters = writer.counters()
        assert (counters.sent, counters.dropped) == (2, {"too_large": 1})
        assert len(there.spans()) == 2
    assert len(lines()) == 1
    assert "above the limit" in lines()[0]


def test_a_chunk_that_cannot_be_encoded_costs_only_itself(make: Make, lines: Any) -> None:
    def picky(one: Chunk, info: AgentInfo) -> bytes:
        if len(one.spans) == 13:
            raise TypeError("no thirteen")
        return encode(one, info)

    with ScriptedAgent() as there:
        writer = make(there.url, picky)
        for spans in (1, 13, 2, 13):
            writer.submit(chunk(spans))
        assert writer.flush(5)
        counters = writer.counters()
        assert (counters.accepted, counters.sent, counters.dropped) == (29, 3, {"encode": 26})
    assert len(lines()) == 1
    assert "26 spans in 2 traces" in lines()[0]
    assert "TypeError: no thirteen" in lines()[0]


# --- an Agent in trouble ---


@pytest.mark.parametrize(
    ("replies", "tries"),
    [
        ([says(429), says()], 2),
        ([says(500), says(503), says()], 3),
        ([says(408), says()], 2),
        ([resets(), says()], 2),
        ([sends(b""), sends(b"garbage\r\n\r\n"), says()], 3),
    ],
)
def test_a_passing_trouble_is_tried_again(make: Make, lines: Any, replies: list[Reply], tries: int) -> None:
    with ScriptedAgent(*replies) as there:
        writer = make(there.url, interval_s=60.0)
        # The first connection is new, so that nothing is resent merely because the kept one had gone stale.
        writer._info_due_s = time.monotonic() + 100
        writer.submit(chunk(4))
        assert writer.flush(5)
        assert writer.counters().sent == 4
        assert len(there.payloads()) == tries
        pauses = [b.at - a.at for a, b in zip(there.payloads(), there.payloads()[1:], strict=False)]
        assert all(0.04 <= pause <= 0.6 for pause in pauses)
    assert lines() == []


@pytest.mark.parametrize(
    ("reply", "reason", "tries", "said"),
    [
        (says(400, b"bad span"), "status_400", 1, "answered 400 bad span"),
        (says(403), "status_403", 1, "answered 403"),
        (says(404), "status_404", 1, "does not know /v0.4/traces"),
        (says(415), "status_415", 1, "does not know /v0.4/traces"),
        (says(413), "status_413", 1, "answered 413"),
        (says(302, headers={"Location": "/elsewhere"}), "status_302", 1, "answered 302"),
        (says(429), "status_429", 3, "answered 429"),
        (says(500), "status_500", 3, "answered 500"),
        (says(503, b"\xff<html>"), "status_503", 3, "answered 503"),
        (sends(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 99_999 + b"\r\n\r\n"), "network", 3, "no answer"),
    ],
)
def test_a_lasting_trouble_is_dropped_counted_and_said_once(
    make: Make, lines: Any, reply: Reply, reason: str, tries: int, said: str
) -> None:
    with ScriptedAgent(reply) as there:
        writer = make(there.url, interval_s=60.0)
        writer._info_due_s = time.monotonic() + 100
        for _ in range(3):
            writer.submit(chunk(4))
            assert writer.flush(5)
        counters = writer.counters()
        assert (counters.accepted, counters.sent, counters.dropped) == (12, 0, {reason: 12})
        assert counters.queued_bytes == 0
        assert len(there.payloads()) == 3 * tries
        (line,) = lines()
        assert there.url in line
        assert f"4 spans in 1 traces dropped since the last line ({reason} 4)" in line
        assert said in line


def test_a_reset_in_mid_answer_after_a_good_status_is_not_sent_twice(make: Make, lines: Any) -> None:
    with ScriptedAgent(resets(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"ra'), says()) as there:
        writer = make(there.url)
        writer.submit(chunk())
        assert writer.flush(5)
        assert writer.counters().sent == 1
        assert len(there.spans()) == 1
    assert lines() == []


def test_nobody_listening_costs_one_warning_a_minute_and_recovery_is_told(
    make: Make, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    writer = make(f"http://127.0.0.1:{port}", interval_s=0.01)
    for _ in range(5):
        writer.submit(chunk(10))
        assert writer.flush(5)
    assert writer.counters().dropped == {"refused": 50}
    assert len(lines()) == 1
    assert "Connection refused" in lines()[0]
    monkeypatch.setattr(notices, "INTERVAL_S", 0.0)
    end = time.monotonic() + 2
    while len(lines()) < 2 and time.monotonic() < end:
        # The minute over, the rest is said even if no more spans come.
        time.sleep(0.01)
    assert "40 spans in 4 traces dropped since the last line (refused 40)" in lines()[1]
    with ScriptedAgent() as there:
        writer._agent._url = there.url
        writer.submit(chunk())
        assert writer.flush(5)
    assert lines(logging.INFO) == [f"Datadog Agent at http://127.0.0.1:{port} takes traces again"]
    assert len(lines()) == 2


def test_a_wrong_socket_path_costs_spans_and_a_line_only(make: Make, lines: Any) -> None:
    writer = make("unix:///no/such/apm.socket")
    writer.submit(chunk())
    assert writer.flush(5)
    assert writer.counters().dropped == {"refused": 1}
    assert "unix:///no/such/apm.socket" in lines()[0]


def test_the_memory_is_bounded_and_every_span_is_counted_under_five_times_too_much(make: Make, lines: Any) -> None:
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
            assert len(writer._raw) * 10 <= module.RAW_LIMIT + 1000
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
        assert writer.flush(10)
        counters = writer.counters()
        assert set(counters.dropped) <= {"full"}
        assert counters.sent + counters.dropped.get("full", 0) == 6000
        arrived = there.spans()
        assert len(arrived) == len(set(arrived)) == counters.sent


# --- time ---


@pytest.mark.parametrize(
    "reply",
    [hangs(), drips(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500, 0.2), waits(1.0, says()), waits(0.2, says(500))],
)
@pytest.mark.parametrize("timeout_s", [0.0, 0.3])
def test_a_flush_is_over_in_time_whatever_the_agent_does(make: Make, reply: Reply, timeout_s: float) -> None:
    with ScriptedAgent(reply, info=reply) as there:
        writer = make(there.url)
        writer.submit(chunk())
        began = time.monotonic()
        assert not writer.flush(timeout_s)
        assert time.monotonic() - began < timeout_s + 0.1


def test_a_silent_agent_holds_up_a_shutdown_for_its_limit_and_no_longer(make: Make, lines: Any) -> None:
    with ScriptedAgent(silent=True) as there:
        writer = make(there.url, shutdown_limit_s=0.5)
        writer.submit(chunk(7))
        began = time.monotonic()
        assert not writer.shutdown()
        assert time.monotonic() - began <= 0.5
        counters = writer.counters()
        assert (counters.accepted, counters.dropped, counters.queued) == (7, {"exit": 7}, 0)
        assert len(lines()) == 1
        assert "exit 7" in lines()[0]


def test_what_is_given_up_at_the_end_is_not_counted_again_when_it_arrives_after_all(make: Make) -> None:
    with ScriptedAgent(waits(0.5, says())) as there:
        writer = make(there.url, interval_s=0.01)
        writer.submit(chunk(7))
        time.sleep(0.1)
        thread = writer._thread
        assert thread is not None
        assert not writer.shutdown(0.1)
        thread.join(5)
        counters = writer.counters()
        assert (counters.accepted, counters.sent, counters.dropped, counters.queued) == (7, 0, {"exit": 7}, 0)


def test_a_shutdown_sends_what_is_queued(make: Make) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=60.0)
        writer.submit(chunk(7))
        thread = writer._thread
        assert writer.shutdown()
        assert writer.counters().sent == 7
        assert thread is not None
        assert not thread.is_alive()
        assert writer.shutdown()


def test_a_shutdown_does_not_wait_out_the_pauses_between_tries(make: Make) -> None:
    writer = make(f"http://127.0.0.1:{free_port()}", interval_s=60.0)
    writer.submit(chunk())
    began = time.monotonic()
    assert writer.shutdown()
    assert time.monotonic() - began < 0.2
    assert writer.counters().dropped == {"refused": 1}


def test_after_the_shutdown_chunks_are_counted_and_start_nothing(make: Make, lines: Any) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url)
        writer.shutdown()
        for _ in range(3):
            writer.submit(chunk(2))
        counters = writer.counters()
        assert (counters.accepted, counters.dropped, counters.queued) == (6, {"shutdown": 6}, 0)
        assert writer.flush(1)
        assert there.connections == 0
    assert writer._thread is None
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


# --- what the Agent says ---


def test_the_rates_are_kept_with_their_version(make: Make, lines: Any) -> None:
    table = b'{"rate_by_service": {"service:,env:": 0.5, "service:shop,env:": 0.1}}'
    script = [
        says(body=table, headers={"Datadog-Rates-Payload-Version": "v7"}),
        says(body=b"{}", headers={"Datadog-Rates-Payload-Version": "v7"}),
        says(body=b"<html>"),
        says(body=b'{"rate_by_service": {"service:,env:": 1}}', headers={"Datadog-Rates-Payload-Version": "v8"}),
        says(body=b"OK"),
    ]
    with ScriptedAgent(*script) as there:
        writer = make(there.url)
        assert writer.rates == {}
        seen = []
        for _ in script:
            writer.submit(chunk())
            assert writer.flush(5)
            seen.append(dict(writer.rates))
        first = {"service:,env:": 0.5, "service:shop,env:": 0.1}
        assert seen == [first, first, first, {"service:,env:": 1.0}, {"service:,env:": 1.0}]
        versions = [payload.headers["datadog-rates-payload-version"] for payload in there.payloads()]
        assert versions == ["0", "v7", "v7", "v7", "v8"]
        assert writer.counters().sent == 5
    assert len(lines()) == 1
    assert "rates" in lines()[0]


def test_the_test_agents_rates_are_understood(test_agent: RunningAgent, make: Make) -> None:
    session = test_agent.session({"service:shop,env:prod": 0.2})
    writer = make(test_agent.url, headers=session.headers)
    writer.submit(chunk())
    assert writer.flush(5)
    assert writer.rates["service:shop,env:prod"] == 0.2


def test_the_agents_description_is_read_once_before_the_first_payload(make: Make) -> None:
    known: list[bool] = []

    def noting(one: Chunk, info: AgentInfo) -> bytes:
        known.append(info.span_events)
        return encode(one, info)

    with ScriptedAgent(info=says(body=b'{"span_events": true}')) as there:
        writer = make(there.url, noting)
        for _ in range(3):
            writer.submit(chunk())
            assert writer.flush(5)
        assert [request.path for request in there.requests] == ["/info", *["/v0.4/traces"] * 3]
    assert known == [True, True, True]


def test_the_description_is_read_again_after_five_minutes_or_when_the_agents_state_changes(make: Make) -> None:
    states = ["a", "a", "b", "b", "b"]
    script = [says(headers={"Datadog-Agent-State": state}) for state in states]
    with ScriptedAgent(*script) as there:
        writer = make(there.url)
        asked = []
        for _ in states:
            writer.submit(chunk())
            assert writer.flush(5)
            asked.append(there.infos())
        assert asked == [1, 1, 1, 2, 2]
        assert module.INFO_REFRESH_S == 300
        assert writer._info_due_s == pytest.approx(time.monotonic() + 300, abs=5)
        writer._info_due_s -= 301
        writer.submit(chunk())
        assert writer.flush(5)
        assert there.infos() == 3


@pytest.mark.parametrize(
    "info", [says(500), says(200, b"\xff"), says(200, b"[1]"), sends(b""), resets(), sends(b"what\r\n\r\n"), hangs()]
)
def test_an_agent_that_cannot_describe_itself_gets_its_traces_all_the_same(make: Make, lines: Any, info: Reply) -> None:
    with ScriptedAgent(info=info) as there:
        writer = make(there.url, timeout_s=0.3)
        writer.submit(chunk())
        assert writer.flush(5)
        assert writer.counters().sent == 1
    assert lines() == []


def test_a_description_that_failed_is_asked_for_again_once_the_agent_answers(make: Make) -> None:
    with ScriptedAgent(info=resets()) as there:
        writer = make(there.url)
        writer.submit(chunk())
        assert writer.flush(5)
        there._info = says(body=b'{"span_events": true}')
        writer.submit(chunk())
        assert writer.flush(5)
        assert writer._info.span_events is True


# --- robustness of ours ---


def test_a_mistake_in_the_export_thread_does_not_end_it(
    make: Make, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, interval_s=0.01)
        with monkeypatch.context() as patch:
            patch.setattr(writer, "_encode_raw", lambda: 1 / 0)
            writer.submit(chunk())
            assert not writer.flush(0.1)
        assert writer.flush(5)
        assert writer.counters().sent == 1
    assert len(lines()) == 1
    assert "ZeroDivisionError" in lines()[0]


def test_sent_spans_are_let_go(make: Make) -> None:
    import weakref

    with ScriptedAgent() as there:
        writer = make(there.url)
        one = chunk()
        gone = weakref.ref(one.spans[0])
        writer.submit(one)
        del one
        assert writer.flush(5)
        gc.collect()
        assert gone() is None
