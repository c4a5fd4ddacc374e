"""Counts on their way to the Agent, beside the traces."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import ormsgpack
import pytest

from otel_dd_distro.export import Agent, AgentInfo, Counters, Encoded, Writer, queue, tries
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.stats import Stats
from tests.agents import Reply, Request, ScriptedAgent, hangs, resets, says, waits
from tests.otel_dd_distro.export.made import chunk, run, settled
from tests.otel_dd_distro.stats.made import BUCKET, Clock, settings

INFO = b'{"client_drop_p0s": true, "endpoints": ["/v0.4/traces", "/v0.6/stats"]}'
P0 = "p0"


class Road:
    """An Agent that answers traces and stats each in its own way, and a writer that counts and drops."""

    def __init__(self, there: ScriptedAgent, stats: Stats, writer: Writer) -> None:
        self.there = there
        self.stats = stats
        self.writer = writer

    def submit(self, number: int = 1, priority: int = 1, spans: int = 1, pad: int = 0) -> None:
        for _ in range(number):
            one = chunk(spans, pad)
            one.context.priority = priority
            self.writer.submit(one)

    def traces(self) -> list[Request]:
        return [request for request in self.there.requests if request.path == "/v0.4/traces"]

    def sent_stats(self) -> list[dict[str, Any]]:
        return [ormsgpack.unpackb(request.body) for request in self.there.requests if request.path == "/v0.6/stats"]

    def hits(self) -> int:
        return sum(group["Hits"] for sent in self.sent_stats() for bucket in sent["Stats"] for group in bucket["Stats"])

    def settled(self) -> Counters:
        return settled(self.writer)


Lay = Callable[..., Road]


@pytest.fixture
def lay() -> Iterator[Lay]:
    roads: list[Road] = []

    def lay(
        traces: Reply | None = None,
        stats: Reply | None = None,
        info: Reply | None = None,
        clock: Clock | None = None,
        **limits: Any,
    ) -> Road:
        by_path = {"/v0.4/traces": traces or says(), "/v0.6/stats": stats or says()}

        def answer(connection: Any, request: Request | None) -> None:
            assert request is not None
            by_path[request.path](connection, request)

        there = ScriptedAgent(answer, info=info or says(200, INFO))
        counting = Stats(settings(), clock=clock or time.time_ns)
        writer = Writer(
            encoder(counting), Agent(there.url, timeout_s=limits.pop("timeout_s", 60.0)), stats=counting, **limits
        )
        roads.append(Road(there, counting, writer))
        return roads[-1]

    yield lay
    for road in roads:
        thread = road.writer._thread.thread
        road.writer.shutdown(0.0)
        if thread is not None:
            thread.join(60)
        road.there.close()


def encoder(stats: Stats) -> Callable[[Chunk, AgentInfo], bytes | Encoded]:
    """As the pipeline does it, for spans that need no translation."""

    def encode(chunk: Chunk, info: AgentInfo) -> bytes | Encoded:
        trace: list[dict[str, Any]] = [
            {
                "trace_id": span.context.trace_id,
                "span_id": span.context.span_id,
                "service": "shop",
                "name": span.name,
                "resource": span.name,
                "start": time.time_ns() - 5,
                "duration": 5,
                "meta": dict(span.attributes or {}),
                "metrics": {"_dd.top_level": 1, **({"_dd.span_sampling.mechanism": 8} if place == 1 else {})},
            }
            for place, span in enumerate(chunk.spans)
        ]
        trace[0]["metrics"]["_sampling_priority_v1"] = chunk.context.priority
        if chunk.is_whole is None and not stats.is_active(info):
            return ormsgpack.packb(trace)
        sent = stats.take(trace, chunk.is_whole)
        spans = len(chunk.spans) if sent is trace else len(sent)
        return Encoded(ormsgpack.packb(sent) if sent else b"", spans, is_counted=True)

    return encode


# --- headers ---


def test_traces_say_that_they_are_counted_and_stats_arrive(lay: Lay) -> None:
    road = lay()
    road.submit(3)
    assert road.writer.flush(60)
    (payload,) = road.traces()
    assert payload.headers["datadog-client-computed-stats"] == "yes"
    assert payload.headers["x-datadog-trace-count"] == "3"
    assert not any("dropped-p0" in name for name in payload.headers)
    assert road.hits() == 3
    (stats,) = (request for request in road.there.requests if request.path == "/v0.6/stats")
    assert stats.method == "POST"
    assert stats.headers["content-type"] == "application/msgpack"
    assert stats.headers["datadog-meta-lang"] == "python"
    assert stats.headers["datadog-meta-tracer-version"]
    assert stats.headers["content-length"] == str(len(stats.body))
    assert stats.connection == payload.connection, "one connection for both"


@pytest.mark.parametrize(
    "info",
    [
        says(404),
        says(200, b"{}"),
        says(200, b'{"client_drop_p0s": false, "endpoints": ["/v0.4/traces", "/v0.6/stats"]}'),
        says(200, b'{"client_drop_p0s": true, "endpoints": ["/v0.4/traces"]}'),
        resets(),
    ],
)
def test_an_agent_that_does_not_want_it_counts_by_itself_and_gets_all_traces(lay: Lay, info: Reply) -> None:
    road = lay(info=info)
    road.submit(2, priority=0)
    road.submit(1)
    assert road.writer.flush(60)
    assert sum(len(request.traces()) for request in road.traces()) == 3
    assert all("datadog-client-computed-stats" not in request.headers for request in road.traces())
    assert road.sent_stats() == []
    assert road.settled().dropped == {}


def test_traces_encoded_before_the_agent_was_asked_are_left_to_it(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "RAW_LIMIT", 2)
    road = lay(interval_s=60.0)
    road.submit(5, priority=0)
    assert road.writer.flush(60)
    ways = {request.headers.get("datadog-client-computed-stats"): request.traces() for request in road.traces()}
    left = len(ways.get(None, []))
    assert left == 3, "those that the application's thread encoded"
    assert road.hits() + left == 5, "each is counted once"
    assert road.settled().dropped == {P0: 2}


# --- what is not sent ---


def test_unsampled_traces_are_counted_and_not_sent_and_the_next_request_says_how_many(lay: Lay) -> None:
    road = lay()
    road.submit(4, priority=0, spans=1)
    road.submit(1)
    assert road.writer.flush(60)
    (payload,) = road.traces()
    assert payload.headers["datadog-client-dropped-p0-traces"] == "4"
    assert payload.headers["datadog-client-dropped-p0-spans"] == "4"
    assert len(payload.traces()) == 1
    assert road.hits() == 5
    counters = road.settled()
    assert (counters.accepted, counters.sent, dict(counters.dropped), counters.queued) == (5, 1, {P0: 4}, 0)
    road.submit(1)
    assert road.writer.flush(60)
    assert not any("dropped-p0" in name for name in road.traces()[-1].headers), "said once"


def test_single_spans_are_sent_without_the_rest_of_their_trace(lay: Lay) -> None:
    road = lay()
    road.submit(2, priority=0, spans=3)
    road.submit(1, priority=-1)
    assert road.writer.flush(60)
    (payload,) = road.traces()
    assert [len(trace) for trace in payload.traces()] == [1, 1]
    assert payload.headers["datadog-client-dropped-p0-traces"] == "1"
    assert payload.headers["datadog-client-dropped-p0-spans"] == "5"
    assert road.hits() == 7
    assert dict(road.settled().dropped) == {P0: 5}
    assert road.settled().sent == 2


def test_where_nothing_is_sampled_an_empty_payload_says_so_and_brings_new_rates(lay: Lay) -> None:
    road = lay(traces=says(200, b'{"rate_by_service": {"service:,env:": 0.5}}'))
    road.submit(3, priority=0)
    assert road.writer.flush(60)
    (payload,) = road.traces()
    assert payload.traces() == []
    assert payload.headers["x-datadog-trace-count"] == "0"
    assert payload.headers["datadog-client-dropped-p0-traces"] == "3"
    assert road.writer.rates == {"service:,env:": 0.5}


def test_what_a_failed_request_said_is_said_again(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "FIRST_PAUSE_S", 0.001)
    answers = iter([says(400), says()])
    road = lay(traces=lambda connection, request: next(answers)(connection, request))
    road.submit(2, priority=0)
    road.submit(1)
    assert road.writer.flush(60)
    assert [request.headers.get("datadog-client-dropped-p0-traces") for request in road.traces()] == ["2", "2"]


def test_unsampled_traces_are_no_trouble(lay: Lay, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    road = lay()
    road.submit(10, priority=0)
    assert road.writer.flush(60)
    assert road.writer.shutdown()
    assert caplog.records == []


def test_a_chunk_too_large_to_send_at_once_is_counted_once(lay: Lay) -> None:
    road = lay(payload_limit_bytes=2000)
    road.submit(1, spans=20, pad=300)
    road.submit(1, priority=0, spans=20, pad=300)
    assert road.writer.flush(60)
    assert road.hits() == 40
    counters = road.settled()
    assert (counters.accepted, counters.sent, dict(counters.dropped)) == (40, 21, {P0: 19})


def test_counted_and_dropped_add_up_when_the_queue_is_full(lay: Lay) -> None:
    road = lay(queue_limit_bytes=3000, interval_s=60.0)
    road.submit(20, pad=500)
    road.submit(20, priority=0)
    road.writer.flush(5)
    counters = road.settled()
    assert counters.accepted == 40
    assert counters.dropped[P0] == 20
    assert counters.dropped["full"] + counters.sent == 20
    assert road.hits() == 40


# --- when stats leave ---


def test_stats_leave_with_the_export_thread_when_their_bucket_is_closed(lay: Lay) -> None:
    clock = Clock(time.time_ns() // BUCKET * BUCKET)
    road = lay(clock=clock, interval_s=0.02)
    road.submit(3)
    settled(road.writer)
    time.sleep(0.1)
    assert road.sent_stats() == []
    clock.now += BUCKET
    time.sleep(0.1)
    assert road.sent_stats() == []
    clock.now += BUCKET
    end = time.monotonic() + 60
    while not road.sent_stats() and time.monotonic() < end:
        time.sleep(0.01)
    assert road.hits() == 3
    assert sum(thread.name == "otel-dd-export" for thread in threading.enumerate()) == 1


def test_a_flush_without_new_spans_sends_what_was_counted(lay: Lay) -> None:
    road = lay(interval_s=0.02)
    road.submit(2)
    settled(road.writer)
    time.sleep(0.1)
    assert road.writer.flush(60)
    assert road.hits() == 2
    assert road.writer.flush(60)
    assert len(road.sent_stats()) == 1


def test_a_shutdown_sends_all_buckets(lay: Lay) -> None:
    road = lay(interval_s=60.0)
    road.submit(2)
    road.submit(2, priority=0)
    assert road.writer.shutdown()
    assert road.hits() == 4
    assert road.settled().sent == 2


@pytest.mark.parametrize("stats", [hangs(), waits(1000, says())])
def test_an_agent_that_hangs_on_stats_costs_the_exit_no_more_than_its_limit(
    lay: Lay, stats: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    road = lay(stats=stats, interval_s=60.0)
    road.submit(2)
    begun = time.monotonic()
    assert not road.writer.shutdown(2)
    assert time.monotonic() - begun < 30
    assert road.settled().sent == 2
    assert ["stats" in record.getMessage() for record in caplog.records] == [True]


def test_a_process_without_threads_sends_stats_too(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    road = lay()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        road.submit(2, priority=0)
        road.submit(1)
    assert road.writer.shutdown()
    assert road.hits() == 3


# --- when the Agent does not take them ---


def test_a_404_leaves_the_counting_to_the_agent_for_ever(lay: Lay, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    road = lay(stats=says(404))
    road.submit(1)
    road.submit(1, priority=0)
    assert road.writer.flush(60)
    road.submit(1)
    road.submit(1, priority=0)
    assert road.writer.flush(60)
    assert len(road.sent_stats()) == 1
    first, second = road.traces()
    assert first.headers["datadog-client-computed-stats"] == "yes"
    assert "datadog-client-computed-stats" not in second.headers
    assert len(second.traces()) == 2, "nothing is left out any more"
    assert [record.getMessage().count("/v0.6/stats") for record in caplog.records] == [1]
    assert road.writer.shutdown()


@pytest.mark.parametrize(("status", "times"), [(429, 3), (503, 3), (408, 3), (400, 1), (413, 1)])
def test_refused_stats_are_tried_again_where_that_may_help(
    lay: Lay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int, times: int
) -> None:
    monkeypatch.setattr(tries, "FIRST_PAUSE_S", 0.001)
    caplog.set_level(logging.WARNING)
    road = lay(stats=says(status))
    road.submit(1)
    assert road.writer.flush(60)
    assert len(road.sent_stats()) == times
    assert [str(status) in record.getMessage() for record in caplog.records] == [True]
    road.submit(1)
    assert road.writer.flush(60)
    assert "datadog-client-computed-stats" in road.traces()[-1].headers, "it is still ours to count"


def test_stats_that_may_have_arrived_are_not_sent_twice(lay: Lay, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    road = lay(stats=hangs(), timeout_s=0.1)
    road.submit(1)
    assert road.writer.flush(60)
    assert len(road.sent_stats()) == 1
    assert "stats" in caplog.text


def test_stats_go_on_after_an_outage(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "FIRST_PAUSE_S", 0.001)
    answers = iter([says(500)] * 3 + [says()] * 10)
    road = lay(stats=lambda connection, request: next(answers)(connection, request))
    road.submit(1)
    assert road.writer.flush(60)
    before = len(road.sent_stats())
    road.submit(2)
    assert road.writer.flush(60)
    (sent,) = road.sent_stats()[before:]
    assert sent["Stats"][0]["Stats"][0]["Hits"] == 2


# --- forks ---


def test_a_forked_child_counts_for_itself(lay: Lay) -> None:
    road = lay()
    run(
        """
        import os, sys
        from otel_dd_distro.export import Agent, Writer
        from otel_dd_distro.stats import Stats
        from tests.otel_dd_distro.export.made import chunk
        from tests.otel_dd_distro.export.test_stats_delivery import encoder
        from tests.otel_dd_distro.stats.made import settings

        stats = Stats(settings())
        writer = Writer(encoder(stats), Agent(sys.argv[1]), stats=stats, interval_s=60.0)
        for _ in range(3):
            writer.submit(chunk())
        assert writer.flush(60)
        for _ in range(4):
            writer.submit(chunk())
        pid = os.fork()
        if not pid:
            for _ in range(5):
                writer.submit(chunk())
            assert writer.shutdown()
            os._exit(0)
        os.waitpid(pid, 0)
        assert writer.shutdown()
        """,
        road.there.url,
    )
    sums: dict[str, list[int]] = {}
    numbers: dict[str, list[int]] = {}
    for sent in road.sent_stats():
        hits = sum(group["Hits"] for bucket in sent["Stats"] for group in bucket["Stats"])
        sums.setdefault(sent["RuntimeID"], []).append(hits)
        numbers.setdefault(sent["RuntimeID"], []).append(sent["Sequence"])
    assert sorted(sum(hits) for hits in sums.values()) == [5, 7]
    assert all(number == list(range(1, len(number) + 1)) for number in numbers.values())
