"""Hooks of functions that are made with `contextlib`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from opentelemetry.trace import get_current_span

from otel_instrumentors.kernel.call import Call, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.context_manager import context_manager
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder

seen: list[Any] = []


class Shop:
    @contextmanager
    def opened(self, item: str) -> Iterator[str]:
        """Open for an item."""
        seen.append(get_current_span().is_recording())
        try:
            yield item
        finally:
            seen.append("closed")

    @asynccontextmanager
    async def opened_later(self, item: str) -> AsyncIterator[str]:
        """Open for an item."""
        seen.append(get_current_span().is_recording())
        try:
            yield item
        finally:
            await asyncio.sleep(0)
            seen.append("closed")


def described(call: Call) -> SpanSpec:
    return SpanSpec(call.arg(0, "item"))


def finished(_call: Call, _result: object) -> Outcome:
    return Outcome({"finished": True})


@pytest.fixture
def recorder() -> Recorder:
    seen.clear()
    return Recorder()


def entered(recorder: Recorder, form: str, breaks: bool = False) -> Any:
    function: Any = getattr(Shop, form)
    scope = Scope(recorder.provider.get_tracer("test"))
    wrapper = context_manager(traced(described, finished)).wrap(Target(function, Shop, True), scope)
    assert inspect.signature(wrapper) == inspect.signature(function)
    assert (wrapper.__name__, wrapper.__doc__) == (form, "Open for an item.")

    def inside(item: str) -> None:
        seen.append(get_current_span().is_recording())
        assert item == "tea"
        assert recorder.spans() == []
        if breaks:
            raise Boom("inside")

    async def later() -> None:
        async with wrapper(Shop(), item="tea") as item:
            inside(item)

    if form == "opened_later":
        asyncio.run(later())
    else:
        with wrapper(Shop(), "tea") as item:
            inside(item)


both = pytest.mark.parametrize("form", ["opened", "opened_later"])


@both
def test_the_span_is_open_from_enter_to_exit_and_not_current_between(recorder: Recorder, form: str) -> None:
    entered(recorder, form)
    assert seen == [True, False, "closed"]
    (span,) = recorder.take()
    assert (span.name, dict(span.attributes or {})) == ("tea", {"finished": True})


@both
def test_what_is_raised_inside_is_the_spans_error(recorder: Recorder, form: str) -> None:
    with pytest.raises(Boom, match="inside"):
        entered(recorder, form, breaks=True)
    assert seen == [True, False, "closed"]
    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert len(span.events) == 1
