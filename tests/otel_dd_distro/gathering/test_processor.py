from __future__ import annotations

import logging
import time

import pytest
from opentelemetry.sdk import trace as sdk
from opentelemetry.trace import use_span

from otel_dd_distro import tracing
from otel_dd_distro.gathering import DatadogSpanProcessor, LocalTraces
from otel_dd_distro.gathering.local_traces import UNFINISHED
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext


class Slow:
    """What takes a while, and remembers how long it might have taken."""

    def __init__(self) -> None:
        self.limits: list[float] = []

    def flush(self, timeout_s: float) -> bool:
        self.limits.append(timeout_s)
        time.sleep(0.1)
        return False

    def shutdown(self, timeout_s: float) -> None:
        self.flush(timeout_s)


class Kept:
    """What takes chunks."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []

    def flush(self, timeout_s: float) -> bool:
        return True

    def shutdown(self, timeout_s: float) -> None:
        self.chunks.append(Chunk([], DatadogContext(), True, {}))


@pytest.mark.parametrize("make", [tracing.TracerProvider, sdk.TracerProvider])
def test_what_is_open_at_the_end_is_sent_with_its_trace_and_says_so(
    make: type[sdk.TracerProvider], caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept()
    processor = DatadogSpanProcessor(LocalTraces(kept.chunks.append), kept)
    provider = make(shutdown_on_exit=False)
    processor.serve_one_more()
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("shop")
    root = tracer.start_span("root", attributes={"a": 1})
    with use_span(root):
        tracer.start_span("done").end()
        late = tracer.start_span("late")
    provider.shutdown()
    trace, closed = kept.chunks
    assert closed.spans == [], "the sink is closed after it has all"
    assert not trace.partial
    told = {span.name: (span.end_time is not None, dict(span.attributes or {})) for span in trace.spans}
    assert told == {
        "root": (True, {"a": 1, UNFINISHED: True}),
        "done": (True, {}),
        "late": (True, {UNFINISHED: True}),
    }
    # Who has them may end them, as the garbage collector does: nobody is told that they ended before, or of them twice.
    late.end()
    root.end()
    assert caplog.messages == []
    assert kept.chunks == [trace, closed]


@pytest.mark.parametrize("make", [tracing.TracerProvider, sdk.TracerProvider])
def test_spans_that_nobody_ended_are_named_once_at_level_debug(
    make: type[sdk.TracerProvider], caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept()
    processor = DatadogSpanProcessor(LocalTraces(kept.chunks.append), kept)
    provider = make(shutdown_on_exit=False)
    processor.serve_one_more()
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("shop")
    with caplog.at_level(logging.DEBUG, "otel_dd_distro"):
        forgotten = [tracer.start_span(name) for name in ("lock", "lock", "x" * 1_000)]
        tracer.start_span("ended").end()
        provider.shutdown()
        processor.end()

    line = "3 spans were not ended when the process ended; they are sent with otel_dd.unfinished=true: "
    line += f"lock (2), {'x' * 100} (1)"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("DEBUG", line)]
    assert len(forgotten) == 3


def test_the_exit_of_all_providers_together_is_bounded() -> None:
    sink = Slow()
    processor = DatadogSpanProcessor(LocalTraces(lambda chunk: None), sink, shutdown_timeout=0.15)
    for _ in range(3):
        processor.serve_one_more()
    for _ in range(3):
        processor.shutdown()
    first, second, third = sink.limits
    assert first == 0.15
    assert 0 <= second <= 0.05
    assert third == 0
