"""Callbacks that a library is given."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace

from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.hook_argument import hook_argument
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder, names


class Shop:
    def __init__(self) -> None:
        self.callbacks: list[Any] = []

    def subscribe(self, item: str, callback: Any = None, *, count: int = 1) -> Any:
        self.callbacks.append(callback)
        return item, count

    async def later(self, item: str, callback: Any = None, *, count: int = 1) -> Any:
        await asyncio.sleep(0)
        return self.subscribe(item, callback, count=count)

    def own(self, item: str) -> str:
        return item


def sold(call: Call) -> SpanSpec:
    assert call.instance is None
    return SpanSpec(f"sold {call.arg(0, 'item')}")


def plain(item: str) -> Any:
    return item, trace.get_current_span().get_span_context().is_valid


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def scope(recorder: Recorder) -> Scope:
    return Scope(recorder.provider.get_tracer("test"))


def is_own(callback: Any) -> bool:
    return isinstance(getattr(callback, "__self__", None), Shop)


def hooked(function: Callable[..., Any], scope: Scope) -> Callable[..., Any]:
    wrapper = hook_argument(1, "callback", traced(sold), unless=is_own).wrap(Target(function, Shop, True), scope)
    assert inspect.signature(wrapper) == inspect.signature(function)

    def answered(*args: Any, **kwargs: Any) -> Any:
        answer = wrapper(*args, **kwargs)
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer

    return answered


@pytest.mark.parametrize("function", [Shop.subscribe, Shop.later], ids=["plain", "coroutine"])
def test_each_call_of_a_callback_is_hooked_however_it_is_given(function: Any, scope: Scope, recorder: Recorder) -> None:
    shop, subscribe = Shop(), hooked(function, scope)
    assert subscribe(shop, "tea", plain) == ("tea", 1)
    assert subscribe(shop, "tea", callback=functools.partial(plain), count=7) == ("tea", 7)
    for callback in shop.callbacks:
        assert callback("green") == ("green", True)
        assert callback("black") == ("black", True)
    assert names(recorder.take()) == ["sold black", "sold black", "sold green", "sold green"]


@pytest.mark.parametrize("given", [None, 7, Shop().own], ids=["none", "no callable", "own"])
def test_what_is_no_callback_of_the_applications_is_left_as_it_is(given: Any, scope: Scope) -> None:
    shop, subscribe = Shop(), hooked(Shop.subscribe, scope)
    subscribe(shop, "tea", given)
    subscribe(shop, "tea")
    assert shop.callbacks == [given, None]


def test_a_callback_that_was_given_before_falls_silent(scope: Scope, recorder: Recorder) -> None:
    shop, subscribe = Shop(), hooked(Shop.subscribe, scope)
    subscribe(shop, "tea", plain)
    scope.active = False
    assert shop.callbacks[0]("green") == ("green", False)
    subscribe(shop, "tea", plain)
    assert shop.callbacks[1] is plain
    assert recorder.take() == []
