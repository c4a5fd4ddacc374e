"""Finished spans become chunks: every span once, with its local trace."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.trace.span import TraceState

from otel_dd_distro import tracing
from otel_dd_distro.gathering import DatadogSpanProcessor, LocalTraces, local_traces
from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext


class Taken:
    """A sink that keeps the chunks."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.flushed: list[float] = []
        self.closed: list[float] = []

    def flush(self, timeout_s: float) -> bool:
        self.flushed.append(timeout_s)
        return True

    def shutdown(self, timeout_s: float) -> None:
        self.closed.append(timeout_s)

    def names(self) -> list[list[str]]:
        return [[span.name for span in chunk.spans] for chunk in self.chunks]


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture(params=[TracerProvider, tracing.TracerProvider], ids=["plain", "light"])
def made(taken: Taken, request: pytest.FixtureRequest) -> Callable[..., tuple[trace.Tracer, DatadogSpanProcessor]]:
    def make(part: int = 300) -> tuple[trace.Tracer, DatadogSpanProcessor]:
        processor = DatadogSpanProcessor(LocalTraces(taken.chunks.append, part=part), taken)
        processor.serve_one_more()
        provider = request.param(ALWAYS_ON, shutdown_on_exit=False)
        provider.add_span_processor(processor)
        return provider.get_tracer("test"), processor

    return make


@pytest.fixture
def tracer(made: Callable[..., Any]) -> trace.Tracer:
    tracer: trace.Tracer = made()[0]
    return tracer


BROUGHT_BY = ("start", "end", "begin_own")
"""How spans are brought to the local traces."""


def remote(trace_state: str = "", sampled: bool = True) -> Context:
    state = TraceState.from_header([trace_state]) if trace_state else None
    context = SpanContext(0x11, 0x22, True, TraceFlags(int(sampled)), state)
    return set_span_in_context(NonRecordingSpan(context))


def test_a_local_trace_is_one_chunk_once_its_last_span_has_ended(tracer: trace.Tracer, taken: Taken) -> None:
    with tracer.start_as_current_span("root"):
        with tracer.start_as_current_span("child"):
            pass
        assert taken.chunks == []
    assert taken.names() == [["child", "root"]]
    assert not taken.chunks[0].partial


def test_two_requests_of_one_remote_trace_are_two_chunks(tracer: trace.Tracer, taken: Taken) -> None:
    context = remote()
    first, second = tracer.start_span("first", context), tracer.start_span("second", context)
    first.end()
    second.end()
    assert taken.names() == [["first"], ["second"]]


def test_a_child_that_outlives_its_root_goes_with_it(tracer: trace.Tracer, taken: Taken) -> None:
    root = tracer.start_span("root")
    child = tracer.start_span("child", set_span_in_context(root))
    root.end()
    assert taken.chunks == []
    child.end()
    assert taken.names() == [["root", "child"]]


def test_a_child_that_starts_after_its_trace_has_left_is_a_chunk_of_its_own(tracer: trace.Tracer, taken: Taken) -> None:
    root = tracer.start_span("root")
    root.end()
    tracer.start_span("late", set_span_in_context(root)).end()
    assert taken.names() == [["root"], ["late"]]
    assert taken.chunks[1].spans[0].context.trace_id == taken.chunks[0].spans[0].context.trace_id


def test_a_long_trace_leaves_in_parts_that_know_their_open_parents(made: Callable[..., Any], taken: Taken) -> None:
    tracer, _ = made(part=3)
    with tracer.start_as_current_span("root") as root:
        for number in range(7):
            tracer.start_span(f"{number}").end()
        assert taken.names() == [["0", "1", "2"], ["3", "4", "5"]]
        assert all(chunk.partial for chunk in taken.chunks)
        assert taken.chunks[0].parents[root.get_span_context().span_id] is root
    assert taken.names()[2:] == [["6", "root"]]
    assert not taken.chunks[2].partial
    assert len({id(chunk.context) for chunk in taken.chunks}) == 1


def test_parts_can_be_switched_off(made: Callable[..., Any], taken: Taken) -> None:
    tracer, _ = made(part=0)
    with tracer.start_as_current_span("root"):
        for _ in range(500):
            tracer.start_span("child").end()
        assert taken.chunks == []
    assert len(taken.chunks[0].spans) == 501


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (remote(), DatadogContext(priority=1)),
        (remote(sampled=False), DatadogContext(priority=0)),
        (remote("dd=s:2;o:rum"), DatadogContext(priority=2, origin="rum")),
        (
            datadog_context.attach_to(remote(), DatadogContext(priority=-1, tags={"_dd.p.dm": "-4"})),
            DatadogContext(priority=-1, tags={"_dd.p.dm": "-4"}),
        ),
    ],
)
def test_a_local_trace_takes_up_what_its_remote_parent_told(
    tracer: trace.Tracer, taken: Taken, context: Context, expected: DatadogContext
) -> None:
    tracer.start_span("root", context).end()
    assert taken.chunks[0].context == expected


def test_a_new_trace_is_undecided(tracer: trace.Tracer, taken: Taken) -> None:
    tracer.start_span("root").end()
    assert taken.chunks[0].context.priority is None


def test_links_that_extraction_left_are_on_the_local_root_alone(tracer: trace.Tracer, taken: Taken) -> None:
    link = Link(SpanContext(5, 6, True), {"reason": "terminated_context"})
    context = datadog_context.attach_links(remote(), [link])
    with tracer.start_as_current_span("root", context):
        tracer.start_span("child").end()
    links = {span.name: [found.context for found in span.links] for span in taken.chunks[0].spans}
    assert links == {"child": [], "root": [link.context]}


def test_spans_of_many_threads_arrive_once_each(made: Callable[..., Any], taken: Taken) -> None:
    tracer, _ = made(part=10)

    def work() -> None:
        with tracer.start_as_current_span("root"):
            for _ in range(100):
                with tracer.start_as_current_span("child"):
                    tracer.start_span("grandchild").end()

    with tracer.start_as_current_span("shared") as shared:
        context = set_span_in_context(shared)
        spans = [tracer.start_span("across", context) for _ in range(400)]
        threads = [threading.Thread(target=work) for _ in range(8)]
        threads += [
            threading.Thread(target=lambda part=part: [span.end() for span in part])  # type: ignore[misc]
            for part in (spans[::2], spans[1::2])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ids = [span.context.span_id for chunk in taken.chunks for span in chunk.spans]
    assert len(ids) == len(set(ids)) == 8 * 201 + 400 + 1


def test_spans_that_are_never_ended_are_forgotten_and_nothing_finished_is_lost(
    tracer: trace.Tracer, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_traces, "MOST_OPEN_SPANS", 10)
    forgotten = []
    for number in range(30):
        root = tracer.start_span(f"root {number}")
        tracer.start_span(f"child {number}", set_span_in_context(root)).end()
        forgotten.append(root)
    # Open spans are counted one by one if they are plain, and by their traces if they are light.
    sent = [name for names in taken.names() for name in names]
    assert sent == [f"child {number}" for number in range(len(sent))]
    assert len(sent) in (20, 21)
    forgotten[0].end()
    assert taken.names()[-1] == ["root 0"]


def test_flushing_hands_on_what_has_ended_of_open_traces(made: Callable[..., Any], taken: Taken) -> None:
    tracer, processor = made()
    with tracer.start_as_current_span("root"):
        tracer.start_span("child").end()
        assert processor.force_flush(1500)
        assert taken.names() == [["child"]]
        assert taken.flushed == [1.5]
    assert taken.names() == [["child"], ["root"]]


def test_a_processor_that_serves_two_providers_is_closed_by_the_last(made: Callable[..., Any], taken: Taken) -> None:
    _, processor = made()
    processor.serve_one_more()
    processor.shutdown()
    assert taken.closed == []
    processor.shutdown()
    (seconds,) = taken.closed
    assert 0 < seconds <= 2


def test_after_a_fork_the_child_goes_on_with_new_spans_and_the_parent_keeps_the_old(
    tracer: trace.Tracer, taken: Taken
) -> None:
    read, write = os.pipe()
    with tracer.start_as_current_span("root"):
        tracer.start_span("before").end()
        child = os.fork()
        if child == 0:
            with tracer.start_as_current_span("in the child"):
                tracer.start_span("below").end()
            trace.get_current_span().end()  # inherited: its parent process reports it
            os.write(write, repr(taken.names()).encode())
            os._exit(0)
        os.waitpid(child, 0)
        tracer.start_span("after").end()
    os.close(write)
    assert os.read(read, 1000) == b"[['below', 'in the child']]"
    os.close(read)
    assert taken.names() == [["before", "after", "root"]]


def test_each_process_of_a_forked_trace_tells_at_its_end_of_its_own_open_spans_and_of_no_others(
    made: Callable[..., Any], taken: Taken
) -> None:
    """Whatever it has made in that trace before, and had handed on."""
    tracer, processor = made()
    read, write = os.pipe()

    def told() -> None:
        processor.end()
        os.write(write, repr(taken.names()).encode() + b"\n")
        os._exit(0)

    with tracer.start_as_current_span("root"):
        child = os.fork()
        if child == 0:
            tracer.start_span("1 of the child").end()
            with tracer.start_as_current_span("2 of the child"):
                tracer.start_span("query of the child").end()
                grandchild = os.fork()
                if grandchild == 0:
                    taken.chunks.clear()
                    tracer.start_span("1 of the grandchild").end()
                    with tracer.start_as_current_span("2 of the grandchild"):
                        tracer.start_span("query of the grandchild").end()
                        told()
                os.waitpid(grandchild, 0)
                told()
        os.waitpid(child, 0)
    os.close(write)
    with open(read) as lines:
        assert lines.read().splitlines() == [
            "[['1 of the grandchild'], ['query of the grandchild', '2 of the grandchild']]",
            "[['1 of the child'], ['query of the child', '2 of the child']]",
        ]
    assert taken.names() == [["root"]]


def test_what_fails_in_gathering_is_said_once_and_the_application_goes_on(
    made: Callable[..., Any], taken: Taken, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tracer, processor = made()

    def broken(*_args: Any) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(processor, "_local_traces", type("Broken", (), dict.fromkeys(BROUGHT_BY, broken))())
    for _ in range(3):
        tracer.start_span("root").end()
    assert [record.getMessage() for record in caplog.records] == [
        "A span could not be processed and is lost (logged only once): RuntimeError: no memory"
    ]
