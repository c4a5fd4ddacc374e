"""What gathering and handing on add to a span, as ratios within one run: `python benchmarks/gathering.py`.

Each row compares two sides that take turns, by the median of their CPU in the application's thread. A ratio of 1.00
costs nothing. A machine that is busy or slow is so for both sides.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Tracer

from otel_dd_distro import forks
from otel_dd_distro.export import Agent, Writer
from otel_dd_distro.gathering import DatadogSpanProcessor, LocalTraces
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.settings import read
from otel_dd_distro.tracing import TracerProvider
from otel_dd_distro.translate import Translator

TIMES = 2_000
ROUNDS = 31
CHILDREN = 9
NOBODY = "http://127.0.0.1:1"


class Nowhere:
    """Takes chunks for nothing."""

    def __call__(self, _chunk: Chunk) -> None:
        pass

    def flush(self, timeout_s: float) -> bool:
        return True

    def shutdown(self, timeout_s: float) -> None:
        pass


def tracer(kind: type[sdk.TracerProvider] = TracerProvider, hand_on: Callable[[Chunk], None] | None = None) -> Tracer:
    sink = Nowhere()
    provider = kind(ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(DatadogSpanProcessor(LocalTraces(hand_on or sink), sink))
    return provider.get_tracer("benchmark")


def roots(of: Tracer) -> Callable[[], None]:
    def work() -> None:
        for _ in range(TIMES):
            with of.start_as_current_span("root"):
                pass

    return work


def traces(of: Tracer) -> Callable[[], None]:
    def work() -> None:
        for _ in range(TIMES // (1 + CHILDREN)):
            with of.start_as_current_span("root"):
                for _ in range(CHILDREN):
                    with of.start_as_current_span("child"):
                        pass

    return work


@contextmanager
def unchecked() -> Any:
    """Nobody asks whether this process was forked."""
    check = forks.check
    forks.check = lambda: None
    try:
        yield
    finally:
        forks.check = check


def without_checks(work: Callable[[], None]) -> Callable[[], None]:
    def unchecked_work() -> None:
        with unchecked():
            work()

    return unchecked_work


def submitting(writer: Writer, chunk: Chunk) -> Callable[[], None]:
    """To a queue that is emptied here, before the export thread would be woken for it."""

    def work() -> None:
        for number in range(TIMES):
            writer.submit(chunk)
            if number % 20 == 0:
                writer._queue.abandon("exit")

    return work


def cpu(work: Callable[[], None]) -> float:
    gc.collect()
    gc.disable()
    began = time.thread_time()
    work()
    took = time.thread_time() - began
    gc.enable()
    return took


def ratio(work: Callable[[], None], beside: Callable[[], None]) -> float:
    """How much longer `work` takes; the two take turns."""
    pairs = [(cpu(work), cpu(beside)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in pairs) / statistics.median(other for _, other in pairs)


def a_chunk() -> Chunk:
    kept: list[Chunk] = []
    traces(tracer(hand_on=kept.append))()
    return kept[0]


def main() -> None:
    chunk = a_chunk()
    translator = Translator(read({"DD_SERVICE": "shop"}, argv=["-"]))
    # What it has is never sent: the export thread sleeps longer than this runs.
    writer = Writer(lambda *_: b"", Agent(NOBODY), interval_s=3_600)
    light, plain = tracer(), tracer(sdk.TracerProvider)

    def translated() -> None:
        for _ in range(TIMES // (1 + CHILDREN)):
            translator.chunk(chunk, native_events=True)

    rows = {
        "a root, its process asked for / not": (roots(light), without_checks(roots(light))),
        "a trace of ten, its process asked for / not": (traces(light), without_checks(traces(light))),
        "a chunk handed on, its process asked for / not": (
            submitting(writer, chunk),
            without_checks(submitting(writer, chunk)),
        ),
        "a root, of the light tracer / of the SDK's": (roots(light), roots(plain)),
        "a trace of ten, of the light tracer / of the SDK's": (traces(light), traces(plain)),
        "a trace of ten, translated / recorded and gathered": (translated, traces(light)),
    }
    for name, (work, beside) in rows.items():
        print(f"{name:52} {ratio(work, beside):5.2f}")


if __name__ == "__main__":
    main()
