"""Hooks without a span."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

import pytest

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Arguments, Call
from otel_instrumentors.kernel.hook import Hook, Target
from otel_instrumentors.kernel.hooks.change_arguments import change_arguments
from otel_instrumentors.kernel.hooks.change_result import change_result
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder, boom


class Shop:
    def order(self, item: str, *, count: int = 1) -> Any:
        return self, item, count

    async def later(self, item: str, *, count: int = 1) -> Any:
        await asyncio.sleep(0)
        return self, item, count


FUNCTIONS = pytest.mark.parametrize("function", [Shop.order, Shop.later], ids=["plain", "coroutine"])


def doubled(call: Call) -> Arguments | None:
    if call.arg(0, "item") == "one":
        return None
    return call.args, {**call.kwargs, "count": 2}


def answered(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    answer = function(*args, **kwargs)
    return asyncio.run(answer) if inspect.iscoroutine(answer) else answer


@pytest.fixture
def scope() -> Scope:
    safety._last_said.clear()
    return Scope(Recorder().provider.get_tracer("test"))


def hooked(hook: Hook, function: Callable[..., Any], scope: Scope) -> Callable[..., Any]:
    wrapper = hook.wrap(Target(function, Shop, True), scope)
    assert inspect.iscoroutinefunction(wrapper) == inspect.iscoroutinefunction(function)
    assert inspect.signature(wrapper) == inspect.signature(function)
    return wrapper


@FUNCTIONS
def test_a_function_is_given_what_the_change_says_and_its_own_instance(function: Any, scope: Scope) -> None:
    shop, wrapper = Shop(), hooked(change_arguments(doubled), function, scope)
    assert answered(wrapper, shop, "tea") == (shop, "tea", 2)
    assert answered(wrapper, shop, item="tea") == (shop, "tea", 2)
    assert answered(wrapper, shop, "one", count=7) == (shop, "one", 7)


@FUNCTIONS
def test_an_application_gets_what_is_made_of_the_result(function: Any, scope: Scope) -> None:
    shop = Shop()
    wrapper = hooked(
        change_result(lambda call, result: (call.args, call.instance is shop, result[1:])), function, scope
    )
    assert answered(wrapper, shop, "tea") == (("tea",), True, ("tea", 1))


@FUNCTIONS
@pytest.mark.parametrize("hook", [change_arguments(boom), change_result(boom)], ids=["given", "returned"])
def test_what_breaks_of_ours_changes_nothing_and_is_said_once(
    function: Any, hook: Hook, scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    shop, wrapper = Shop(), hooked(hook, function, scope)
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        for _ in range(3):
            assert answered(wrapper, shop, "tea") == (shop, "tea", 1)
    assert len(caplog.records) == 1


@FUNCTIONS
@pytest.mark.parametrize(
    "hook", [change_arguments(doubled), change_result(lambda *_: "ours")], ids=["given", "returned"]
)
def test_uninstrumented_they_change_nothing(function: Any, hook: Hook, scope: Scope) -> None:
    shop, wrapper = Shop(), hooked(hook, function, scope)
    scope.active = False
    assert answered(wrapper, shop, "tea") == (shop, "tea", 1)


@FUNCTIONS
@pytest.mark.parametrize("hook", [change_arguments(doubled), change_result(boom)], ids=["given", "returned"])
def test_an_error_of_the_function_reaches_the_application(function: Any, hook: Hook, scope: Scope) -> None:
    wrapper = hooked(hook, function, scope)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'item'"):
        answered(wrapper, Shop())
