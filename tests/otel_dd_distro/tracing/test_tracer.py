"""Light spans have the ids, parents and samplers that the SDK would give them, and each is gathered once."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_ON,
    Decision,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context
from opentelemetry.trace.span import TraceState

from otel_dd_distro import tracing
from otel_dd_distro.gathering import DatadogSpanProcessor
from otel_dd_distro.ids import ShortTraceIds
from otel_dd_distro.tracing import Span
from tests.otel_dd_distro.tracing.gathered import Gathered

THREADS = 16
SPANS = 100_000


def remote(flags: int = 1, state: TraceState | None = None) -> Context:
    return set_span_in_context(NonRecordingSpan(SpanContext(0x11, 0x22, True, TraceFlags(flags), state)))


def parents_are_right(spans: list[ReadableSpan]) -> bool:
    """Whether each span's parent is the one that its attribute names."""
    names = {span.context.span_id: span.name for span in spans}
    return all(
        (names[span.parent.span_id] if span.parent else None) == (span.attributes or {}).get("below") for span in spans
    )


def test_a_span_knows_its_parent_and_carries_its_trace_on() -> None:
    gathered = Gathered()
    assert gathered.goes_short
    with gathered.tracer.start_as_current_span("root") as root:
        child = gathered.tracer.start_span("child", kind=SpanKind.CLIENT, start_time=5)
        child.end(9)
    assert isinstance(child, Span)
    assert child.parent == root.get_span_context()
    assert child.context.trace_id == root.get_span_context().trace_id
    assert child.context.is_valid
    assert isinstance(child.context, SpanContext)
    assert child.context.trace_flags.sampled
    assert (child.kind, child.start_time, child.end_time) == (SpanKind.CLIENT, 5, 9)
    assert child.resource is gathered.provider.resource
    assert [[span.name for span in chunk.spans] for chunk in gathered.chunks] == [["child", "root"]]


def test_contexts_are_made_once_and_only_for_those_who_ask() -> None:
    gathered = Gathered()
    with gathered.tracer.start_as_current_span("root") as root:
        asking = gathered.tracer.start_span("asking")
        silent = gathered.tracer.start_span("silent")
        assert isinstance(asking, Span)
        assert isinstance(silent, Span)
        assert asking.parent is root.get_span_context()
        assert asking.context is asking.get_span_context()
        asking.end()
        silent.end()
    assert (silent.held_context, silent.parent) == (None, root.get_span_context())


def test_an_endless_chain_of_spans_is_not_kept() -> None:
    tracer = Gathered(part=1).tracer
    span = tracer.start_span("first")
    seen = []
    for _ in range(3):
        seen.append(weakref.ref(span))
        following = tracer.start_span("next", set_span_in_context(span))
        span.end()
        span = following
    span.end()
    tracer.span_processor._span_processors[0]._sink.chunks.clear()  # type: ignore[attr-defined]
    assert [ref() for ref in seen[:2]] == [None, None]


def test_flags_and_state_are_those_of_the_plain_tracer() -> None:
    state = TraceState([("vendor", "v")])
    plain = TracerProvider(ALWAYS_ON, shutdown_on_exit=False).get_tracer("test")
    light = Gathered().tracer
    for context in (Context(), remote(), remote(0, state), remote(3), remote(0xFF, state)):
        seen = []
        for tracer in (plain, light):
            parent = tracer.start_span("parent", context)
            child = tracer.start_span("child", set_span_in_context(parent, context))
            seen.append(
                [
                    (span.get_span_context().trace_flags, span.get_span_context().trace_state, type(span).__mro__[-2:])
                    for span in (parent, child)
                ]
            )
        assert seen[0] == seen[1]


def test_a_remote_parent_begins_a_local_trace_for_each_request() -> None:
    gathered = Gathered()
    for _ in range(2):
        with gathered.tracer.start_as_current_span("request", remote()):
            gathered.tracer.start_span("below").end()
    assert [[span.name for span in chunk.spans] for chunk in gathered.chunks] == [["below", "request"]] * 2
    assert all(span.context.trace_id == 0x11 for span in gathered.spans)


def test_under_a_local_span_that_is_not_recorded_a_local_trace_begins() -> None:
    gathered = Gathered()
    unsampled = NonRecordingSpan(SpanContext(0x11, 0x22, False))
    with gathered.tracer.start_as_current_span("root", set_span_in_context(unsampled)) as root:
        pass
    assert isinstance(root, Span)
    assert root.parent == unsampled.get_span_context()
    assert gathered.spans == [root]


def test_a_late_child_of_an_ended_span_is_a_chunk_of_its_own() -> None:
    gathered = Gathered()
    with gathered.tracer.start_as_current_span("root"):
        parent = gathered.tracer.start_span("parent")
        parent.end()
        late = gathered.tracer.start_span("late", set_span_in_context(parent))
        late.end()
    assert isinstance(late, Span)
    assert late.parent == parent.get_span_context()
    assert [[span.name for span in chunk.spans] for chunk in gathered.chunks] == [["late"], ["parent", "root"]]


def test_two_providers_keep_their_spans_apart() -> None:
    one, other = Gathered(), Gathered()
    with one.tracer.start_as_current_span("one") as outer, other.tracer.start_as_current_span("other") as inner:
        pass
    assert isinstance(inner, Span)
    assert inner.parent == outer.get_span_context()
    assert ([span.name for span in one.spans], [span.name for span in other.spans]) == (["one"], ["other"])


class Recorded(Sampler):
    """Keeps what it was asked; drops, or only records, by the span's name."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Any = None,
        links: Any = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        self.asked.append((parent_context, name, kind, attributes, links, trace_state))
        decision = {"dropped": Decision.DROP, "recorded": Decision.RECORD_ONLY}.get(name, Decision.RECORD_AND_SAMPLE)
        return SamplingResult(decision, {**(attributes or {}), "sampler": "was here"}, TraceState([("s", "1")]))

    def get_description(self) -> str:
        return "recorded"


def test_any_other_sampler_is_asked_as_the_sdk_asks_it() -> None:
    seen = []
    for provider in (TracerProvider(Recorded(), shutdown_on_exit=False), Gathered(sampler=Recorded()).provider):
        tracer = provider.get_tracer("test")
        spans = []
        for name in ("dropped", "recorded", "sampled"):
            spans.append(tracer.start_span(name, remote(), SpanKind.SERVER, {"a": 1}, [Link(SpanContext(1, 2, True))]))
        sampler = provider.sampler
        assert isinstance(sampler, Recorded)
        for asked in sampler.asked:
            assert isinstance(asked[0], Context)
        seen.append(
            [(*asked[1:4], len(asked[4]), asked[5]) for asked in sampler.asked]
            + [
                (
                    span.is_recording(),
                    span.get_span_context().trace_flags,
                    span.get_span_context().trace_state,
                    dict(getattr(span, "attributes", {})),
                )
                for span in spans
            ]
        )
    assert seen[0] == seen[1]


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, TraceIdRatioBased(0)])
def test_a_dropped_span_is_nobodys_work(sampler: Sampler) -> None:
    gathered = Gathered(sampler=sampler)
    with gathered.tracer.start_as_current_span("root") as root, gathered.tracer.start_as_current_span("child") as child:
        child.set_attribute("a", 1)
    assert not root.is_recording()
    assert child.get_span_context().trace_id == root.get_span_context().trace_id
    assert gathered.chunks == []


def test_a_tracer_obeys_what_is_changed_on_it() -> None:
    gathered = Gathered()
    assert gathered.goes_short
    gathered.tracer.sampler = ALWAYS_OFF
    assert not gathered.tracer.start_span("dropped").is_recording()
    gathered.tracer.sampler = DEFAULT_ON
    assert gathered.tracer.start_span("sampled").is_recording()
    gathered.tracer.sampler = ALWAYS_ON
    assert gathered.goes_short


def test_a_processor_that_extends_ours_is_told_of_every_span() -> None:
    told: list[str] = []

    class Telling(DatadogSpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            told.append(span.name)
            super().on_end(span)

    gathered = Gathered()
    provider = tracing.TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(Telling(gathered.traces, gathered))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("root"):
        tracer.start_span("child").end()
    assert told == [span.name for span in gathered.spans] == ["child", "root"]


class Counted(IdGenerator):
    def __init__(self) -> None:
        self.next = 100

    def generate_span_id(self) -> int:
        self.next += 1
        return self.next

    def generate_trace_id(self) -> int:
        return 7


def test_an_id_generator_of_ones_own_is_used() -> None:
    gathered = Gathered(id_generator=Counted())
    with gathered.tracer.start_as_current_span("root"):
        gathered.tracer.start_span("child").end()
    assert [(span.context.trace_id, span.context.span_id) for span in gathered.spans] == [(7, 102), (7, 101)]


def test_short_trace_ids_go_the_short_way_too() -> None:
    gathered = Gathered(id_generator=ShortTraceIds())
    assert gathered.goes_short
    with gathered.tracer.start_as_current_span("root") as root:
        pass
    assert 0 < root.get_span_context().trace_id < 2**64


def test_ids_do_not_follow_the_seed_of_the_application() -> None:
    tracer = Gathered().tracer
    contexts = []
    state = random.getstate()
    for _ in range(2):
        random.seed(0)
        contexts.append(tracer.start_span("root").get_span_context())
    random.setstate(state)
    assert len({context.trace_id for context in contexts}) == len({context.span_id for context in contexts}) == 2


def test_after_a_fork_parent_and_child_make_different_ids_and_each_sends_its_own_spans() -> None:
    gathered = Gathered()
    read, write = os.pipe()
    with gathered.tracer.start_as_current_span("root"):
        pid = os.fork()
        if pid == 0:
            with gathered.tracer.start_as_current_span("child") as child:
                gathered.tracer.start_span("below").end()
            trace.get_current_span().end()  # its parent process sends it
            with gathered.tracer.start_as_current_span("new", Context()):
                pass
            answer = [[span.name for span in chunk.spans] for chunk in gathered.chunks], child.get_span_context()[:2]
            os.write(write, repr(answer).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        below = gathered.tracer.start_span("after")
        below.end()
    os.close(write)
    with os.fdopen(read) as pipe:
        names, ids = eval(pipe.read())
    assert names == [["below", "child"], ["new"]]
    context = below.get_span_context()
    assert ids[0] == context.trace_id
    assert ids[1] != context.span_id
    assert [[span.name for span in chunk.spans] for chunk in gathered.chunks] == [["after", "root"]]


def test_sixteen_threads_lose_and_double_no_span() -> None:
    gathered = Gathered(part=50)
    tracer = gathered.tracer
    each = SPANS // THREADS // 10
    shared = tracer.start_span("shared")

    def work() -> None:
        for _ in range(each):
            # Half of the traces are the thread's own, half hang below a span that all threads share.
            for context, below in ((Context(), {}), (set_span_in_context(shared), {"below": "shared"})):
                with tracer.start_as_current_span("outer", context, attributes=below):
                    for _ in range(4):
                        tracer.start_span("inner", attributes={"below": "outer"}).end()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared.end()
    spans = gathered.spans
    assert len(spans) == each * THREADS * 10 + 1
    assert len({span.context.span_id for span in spans}) == len(spans)
    assert parents_are_right(spans)
    assert Counter(span.name for span in spans)["outer"] == each * THREADS * 2
    assert sum(not chunk.partial for chunk in gathered.chunks) >= each * THREADS + 1
    assert not gathered.traces._begun


def test_one_span_ended_by_many_threads_is_sent_once(caplog: pytest.LogCaptureFixture) -> None:
    gathered = Gathered()
    for _ in range(200):
        span = gathered.tracer.start_span("contended")
        threads = [threading.Thread(target=span.end) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(gathered.spans) == 200
    assert len(caplog.records) == 600


def test_tasks_have_their_own_current_span_even_when_they_are_cancelled() -> None:
    gathered = Gathered()
    tracer = gathered.tracer

    async def work(number: int) -> None:
        with tracer.start_as_current_span(f"outer {number}", attributes={"below": "root"}):
            await asyncio.sleep(0)
            with tracer.start_as_current_span("inner", attributes={"below": f"outer {number}"}):
                await asyncio.sleep(0 if number % 2 else 60)

    async def main() -> None:
        with tracer.start_as_current_span("root"):
            tasks = [asyncio.create_task(work(number)) for number in range(20)]
            for _ in range(5):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    (chunk,) = gathered.chunks
    assert len(chunk.spans) == 41
    assert parents_are_right(chunk.spans)
    # Cancelling is no error: it is no Exception.
    assert all(not span.events for span in chunk.spans)


def test_a_generator_ends_its_span_where_it_is_closed() -> None:
    gathered = Gathered()

    def numbers() -> Iterator[int]:
        with gathered.tracer.start_as_current_span("numbers"):
            yield 1
            yield 2

    generator = numbers()
    assert next(generator) == 1
    generator.close()
    assert list(numbers()) == [1, 2]
    assert [(span.name, span.parent, span.events) for span in gathered.spans] == [("numbers", None, ())] * 2


def test_traces_leave_nothing_for_the_garbage_collector() -> None:
    gathered = Gathered()

    def one_trace() -> None:
        with gathered.tracer.start_as_current_span("root", attributes={"a": 1}) as root:
            for _ in range(3):
                with gathered.tracer.start_as_current_span("child") as child:
                    child.add_event("e")
            late = gathered.tracer.start_span("never ended by whoever started it")
            late.end()
            root.record_exception(ValueError())
        gathered.chunks.clear()

    one_trace()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(10_000):
            one_trace()
        grown = len(gc.get_objects()) - before
        assert gc.collect() < 10
    finally:
        gc.enable()
    assert grown < 10
