"""What the kernel costs a traced call beyond the tracer's own span, in microseconds of CPU.

Usage: kernel.py. Each shape of call is measured beside a bare call with a span started and ended around it, both with
the plain SDK tracer, in interleaved runs; the difference of the medians is the kernel's.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from otel_instrumentors.kernel.call import Call, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope

CALLS = 5_000
ROUNDS = 15
ATTRIBUTES = {"db.system.name": "sqlite", "db.query.text": "SELECT 1", "db.driver.call": "execute"}

tracer = TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")


def described(_call: Call) -> SpanSpec:
    return SpanSpec("SELECT", trace.SpanKind.CLIENT, dict(ATTRIBUTES))


def finished(_call: Call, _result: Any) -> Outcome:
    return Outcome({"db.row_count": 1})


class Library:
    def plain(self, x: int) -> int:
        return x

    async def coroutine(self, x: int) -> int:
        return x

    def generator(self, x: int) -> Iterator[int]:
        yield x

    async def asynchronous_generator(self, x: int) -> AsyncIterator[int]:
        yield x


def used(function: Callable[..., Any]) -> Callable[[], None]:
    """A loop over `function`, with the shape's own way of using what it makes."""
    library = Library()
    made = function(library, 1)

    def plain() -> None:
        for _ in range(CALLS):
            function(library, 1)

    def generator() -> None:
        for _ in range(CALLS):
            for _ in function(library, 1):
                pass

    async def coroutines() -> None:
        for _ in range(CALLS):
            await function(library, 1)

    async def asynchronous_generators() -> None:
        for _ in range(CALLS):
            async for _ in function(library, 1):
                pass

    if hasattr(made, "__await__"):
        made.close()
        return lambda: asyncio.run(coroutines())
    if hasattr(made, "__anext__"):
        return lambda: asyncio.run(asynchronous_generators())
    return generator if hasattr(made, "__next__") else plain


def bare_span() -> None:
    """The tracer's own part: a span with the same attributes and no wrapper, made current by nobody."""
    for _ in range(CALLS):
        span = tracer.start_span("SELECT", None, trace.SpanKind.CLIENT, dict(ATTRIBUTES))
        span.set_attributes({"db.row_count": 1})
        span.end()


def microseconds(work: Callable[[], None]) -> float:
    gc.disable()
    began = time.process_time()
    work()
    took = time.process_time() - began
    gc.enable()
    return took / CALLS * 1e6


def main() -> None:
    hook, scope = traced(described, finished), Scope(tracer)
    shapes = ("plain", "coroutine", "generator", "asynchronous_generator")
    rows: dict[str, list[float]] = {shape: [] for shape in shapes}
    for _ in range(ROUNDS):
        span = microseconds(bare_span)
        for shape in shapes:
            function = getattr(Library, shape)
            wrapped = hook.wrap(Target(function, Library, True), scope)
            rows[shape].append(microseconds(used(wrapped)) - microseconds(used(function)) - span)
    for shape, differences in rows.items():
        print(f"{shape.replace('_', ' '):24} {statistics.median(differences):5.2f} us beyond the tracer's span")


if __name__ == "__main__":
    main()
