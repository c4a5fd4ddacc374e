"""`start_as_current_span`, around a block and around functions of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from tests.otel_dd_distro.tracing.gathered import Gathered

Sides = tuple[tuple[trace.Tracer, Callable[[], list[ReadableSpan]]], ...]


@pytest.fixture
def sides() -> Sides:
    """A tracer of the SDK and a light one, each with the way to see its ended spans."""
    exporter, gathered = InMemorySpanExporter(), Gathered()
    provider = TracerProvider(ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return (
        (provider.get_tracer("test"), lambda: list(exporter.get_finished_spans())),
        (gathered.tracer, lambda: gathered.spans),
    )


def seen(spans: list[ReadableSpan]) -> list[Any]:
    names = {span.context.span_id: span.name for span in spans}
    return [
        (
            span.name,
            span.parent and names[span.parent.span_id],
            span.status.status_code,
            span.status.description,
            [(event.name, (event.attributes or {}).get("exception.type")) for event in span.events],
        )
        for span in spans
    ]


class Left(BaseException):
    pass


@pytest.mark.parametrize("error", [ValueError("no"), Left(), GeneratorExit(), KeyboardInterrupt(), None])
@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("status", [True, False])
@pytest.mark.parametrize("end", [True, False])
def test_a_block_leaves_what_it_leaves_with_the_sdk(
    sides: Sides, error: BaseException | None, record: bool, status: bool, end: bool
) -> None:
    reads = []
    for tracer, ended in sides:
        expected = contextlib.nullcontext() if error is None else pytest.raises(type(error))
        with (
            expected as caught,
            tracer.start_as_current_span(
                "block", record_exception=record, set_status_on_exception=status, end_on_exit=end
            ) as span,
        ):
            assert trace.get_current_span() is span
            if error is not None:
                raise error
        assert error is None or caught.value is error
        assert trace.get_current_span() is trace.INVALID_SPAN
        assert span.is_recording() is not end
        if not end:
            span.end()
        reads.append(seen(ended()))
    assert reads[0] == reads[1]


def test_nothing_is_started_before_the_block_is_entered(sides: Sides) -> None:
    for tracer, ended in sides:
        tracer.start_as_current_span("never entered")
        assert ended() == []


def test_the_current_context_is_kept_beside_a_context_that_only_names_the_parent(sides: Sides) -> None:
    token = context_api.attach(context_api.set_value("mine", 1))
    try:
        for tracer, _ended in sides:
            with tracer.start_as_current_span("block", Context({"other": 2})):
                assert (context_api.get_value("mine"), context_api.get_value("other")) == (1, None)
    finally:
        context_api.detach(token)


def test_a_function_has_a_span_for_each_call(sides: Sides) -> None:
    reads = []
    for tracer, ended in sides:

        @tracer.start_as_current_span("decorated", attributes={"a": 1})
        def decorated(depth: int) -> int:
            """Said."""
            if depth < 0:
                raise ValueError(depth)
            return depth and decorated(depth - 1)

        assert (decorated.__name__, decorated.__doc__) == ("decorated", "Said.")
        assert decorated(2) == 0
        with pytest.raises(ValueError, match="-1"):
            decorated(-1)
        assert len({span.context.span_id for span in ended()}) == 4
        reads.append(seen(ended()))
    assert reads[0] == reads[1]


def test_a_coroutine_functions_span_ends_with_its_coroutine(sides: Sides) -> None:
    reads = []
    for tracer, ended in sides:

        @tracer.start_as_current_span("awaited")
        async def awaited(tracer: trace.Tracer = tracer) -> str:
            await asyncio.sleep(0)
            tracer.start_span("inside").end()
            return "done"

        async def main(awaited: Callable[[], Any] = awaited) -> list[str]:
            return await asyncio.gather(awaited(), awaited())

        assert asyncio.run(main()) == ["done", "done"]
        reads.append(seen(ended()))
    assert reads[0] == reads[1]
    assert [name for name, *_ in reads[0]].count("inside") == 2


def test_generators_are_decorated_as_with_the_sdk(sides: Sides) -> None:
    reads = []
    for tracer, ended in sides:

        @tracer.start_as_current_span("generator")
        def generator() -> Iterator[int]:
            yield 1

        @tracer.start_as_current_span("asynchronous generator")
        async def asynchronous() -> AsyncIterator[int]:
            yield 2

        async def main(asynchronous: Callable[[], AsyncIterator[int]] = asynchronous) -> list[int]:
            return [item async for item in asynchronous()]

        assert list(generator()) + asyncio.run(main()) == [1, 2]
        reads.append(seen(ended()))
    assert reads[0] == reads[1]


def test_an_exit_stack_may_hold_it(sides: Sides) -> None:
    for tracer, ended in sides:
        with contextlib.ExitStack() as stack:
            stack.enter_context(tracer.start_as_current_span("outer"))
            stack.enter_context(tracer.start_as_current_span("inner"))
        assert [name for name, *_ in seen(ended())] == ["inner", "outer"]


def test_left_in_another_context_it_says_so_and_ends_its_span(sides: Sides, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    said = []
    for tracer, ended in sides:
        block = tracer.start_as_current_span("block")
        contextvars.copy_context().run(block.__enter__)
        caplog.clear()
        block.__exit__(None, None, None)
        said.append([(record.name, record.getMessage()) for record in caplog.records])
        assert [span.name for span in ended()] == ["block"]
    assert said[0] == said[1] == [("opentelemetry.context", "Failed to detach context")]
