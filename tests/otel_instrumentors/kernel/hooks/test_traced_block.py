"""Hooks of functions that give context managers."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import get_current_span

from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.traced_block import traced_block
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom


class Door:
    """A context manager of a class of its own."""

    is_handling = False

    def __init__(self, item: str) -> None:
        self.item = item

    def __enter__(self) -> str:
        return self.item

    def __exit__(self, *_raised: object) -> bool:
        return self.is_handling


class Shop:
    @contextmanager
    def opened(self, item: str) -> Iterator[str]:
        """Open for an item."""
        if item == "broken":
            raise Boom("entering")
        yield item
        if item == "stuck":
            raise Boom("leaving")

    @asynccontextmanager
    async def opened_later(self, item: str) -> AsyncIterator[str]:
        """Open for an item."""
        await asyncio.sleep(0)
        if item == "broken":
            raise Boom("entering")
        yield item
        await asyncio.sleep(0)
        if item == "stuck":
            raise Boom("leaving")

    def opened_by_door(self, item: str) -> Door:
        """Open for an item."""
        return Door(item)


def described(call: Call) -> SpanSpec:
    return SpanSpec(call.arg(0, "item"))


class Hooked:
    """One of the shop's methods, hooked."""

    def __init__(self, form: str, describe: Any = described) -> None:
        self.recorder = Recorder()
        self.scope = Scope(self.recorder.provider.get_tracer("test"))
        function: Any = getattr(Shop, form)
        self.method = traced_block(describe).wrap(Target(function, Shop, True), self.scope)
        assert inspect.signature(self.method) == inspect.signature(function)
        assert (self.method.__name__, self.method.__doc__) == (form, "Open for an item.")

    def enter(self, item: str, inside: Any = lambda: None) -> Any:
        async def later() -> Any:
            async with self.method(Shop(), item) as given:
                return given, get_current_span().is_recording(), inside()

        if self.method.__name__ == "opened_later":
            return asyncio.run(later())
        with self.method(Shop(), item=item) as given:
            return given, get_current_span().is_recording(), inside()

    def spans(self) -> list[ReadableSpan]:
        return self.recorder.take()


every = pytest.mark.parametrize("form", ["opened", "opened_later", "opened_by_door"])
generators = pytest.mark.parametrize("form", ["opened", "opened_later"])


@every
def test_the_span_is_current_in_the_block_and_ends_with_it(form: str) -> None:
    hooked = Hooked(form)
    assert hooked.enter("tea", hooked.spans) == ("tea", True, [])
    assert not get_current_span().is_recording()
    (span,) = hooked.spans()
    assert span.name == "tea"
    assert span.status.is_unset


@every
def test_what_leaves_the_block_is_the_spans_error(form: str) -> None:
    hooked = Hooked(form)
    with pytest.raises(Boom, match="on purpose"):
        hooked.enter("tea", boom)
    assert not get_current_span().is_recording()
    (span,) = hooked.spans()
    assert span.status.status_code.name == "ERROR"
    assert len(span.events) == 1


@generators
@pytest.mark.parametrize(("item", "when"), [("broken", "entering"), ("stuck", "leaving")])
def test_a_block_that_cannot_be_entered_or_left_is_an_error(form: str, item: str, when: str) -> None:
    hooked = Hooked(form)
    with pytest.raises(Boom, match=when):
        hooked.enter(item)
    assert not get_current_span().is_recording()
    (span,) = hooked.spans()
    assert span.status.status_code.name == "ERROR"


def test_what_the_context_manager_handles_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Door, "is_handling", True)
    hooked = Hooked("opened_by_door")
    assert hooked.enter("tea", boom) is None
    (span,) = hooked.spans()
    assert span.status.is_unset


@every
def test_without_a_span_the_block_is_as_it_was(form: str, caplog: pytest.LogCaptureFixture) -> None:
    for describe in (lambda _call: None, boom):
        hooked = Hooked(form, describe)
        assert hooked.enter("tea") == ("tea", False, None)
        assert hooked.spans() == []
    hooked = Hooked(form)
    hooked.scope.active = False
    assert hooked.enter("tea") == ("tea", False, None)
    assert hooked.spans() == []


def test_what_is_given_has_the_methods_of_the_context_manager_alone() -> None:
    block = Hooked("opened_by_door").method(Shop(), "tea")
    assert isinstance(block, Door)
    assert block.item == "tea"
    assert not hasattr(type(block), "__aenter__")
    assert not callable(block)


def test_a_block_that_is_left_in_another_context_ends_its_span() -> None:
    hooked = Hooked("opened_by_door")
    block = hooked.method(Shop(), "tea")
    contextvars.Context().run(block.__enter__)
    contextvars.Context().run(block.__exit__, None, None, None)
    assert [span.name for span in hooked.spans()] == ["tea"]
