"""Factories whose products are hooked."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hook import Hook, Target
from otel_instrumentors.kernel.hooks.hook_products import (
    hook_methods_by_call,
    hook_product_by_call,
    hook_products,
)
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.hooks.traced_handler import traced_handler
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom, names


def maker(name: str) -> Callable[[int], int]:
    """Makes a function."""

    def double(number: int) -> int:
        return 2 * number

    return double


def hook(making: Call) -> Hook:
    name = making.arg(0, "name")
    return traced(lambda call: SpanSpec(f"{name} {call.arg(0, 'number')}"))


@pytest.fixture
def recorder() -> Recorder:
    safety._last_said.clear()
    return Recorder()


@pytest.fixture
def scope(recorder: Recorder) -> Scope:
    return Scope(recorder.provider.get_tracer("test"))


def test_what_is_made_is_traced_as_the_making_call_says(recorder: Recorder, scope: Scope) -> None:
    make = hook_product_by_call(hook).wrap(Target(maker, None, False), scope)
    assert (make.__name__, make.__doc__) == ("maker", "Makes a function.")

    first, second = make("first"), make(name="second")
    assert (first(1), second(number=2)) == (2, 4)
    assert (first.__name__, names(recorder.take())) == ("double", ["first 1", "second 2"])


def test_what_was_made_falls_silent_and_nothing_new_is_traced(recorder: Recorder, scope: Scope) -> None:
    make = hook_product_by_call(hook).wrap(Target(maker, None, False), scope)
    before = make("before")
    scope.active = False
    assert (before(1), make("after")(1)) == (2, 2)
    assert recorder.take() == []


def test_what_breaks_leaves_what_was_made(recorder: Recorder, scope: Scope) -> None:
    make = hook_product_by_call(boom, boom).wrap(Target(maker, None, False), scope)
    assert make("one")(1) == 2
    assert recorder.take() == []


def test_what_was_made_before_is_traced_and_once_however_often_it_is_wrapped(recorder: Recorder, scope: Scope) -> None:
    class Shop:
        pass

    shop: Any = Shop()
    shop.double = maker("early")

    def standing() -> Iterator[tuple[Any, str, Call]]:
        yield shop, "double", Call(None, ("early",), {})

    for _ in range(3):
        hook_product_by_call(hook, standing).wrap(Target(maker, None, False), scope)
    assert shop.double(3) == 6
    assert names(recorder.take()) == ["early 3"]
    assert not hasattr(shop.double.__wrapped__, "__wrapped__")


def plain(order: str) -> Any:
    return order, trace.get_current_span().get_span_context().is_valid


async def coroutine(order: str) -> Any:
    await asyncio.sleep(0)
    return plain(order)


def hooked(hook: Hook, function: Any, scope: Scope) -> Any:
    return hook.wrap(Target(function, None, False), scope)


def result(answer: Any) -> Any:
    async def waited() -> Any:
        before = trace.get_current_span()
        result = await answer
        assert trace.get_current_span() is before
        return result

    return asyncio.run(waited()) if inspect.iscoroutine(answer) else answer


class Middleware:
    """As frameworks make them: called, asked for methods that it may have, looked at."""

    can_wait = True

    def __init__(self, then: Any) -> None:
        self.then = then

    def __call__(self, order: str) -> Any:
        return self.then(order)

    def before(self, order: str) -> Any:
        return self, order

    @staticmethod
    def apart(order: str) -> str:
        return order


def by_class(call: Call) -> SpanSpec:
    return SpanSpec(f"{type(call.instance).__name__} {call.arg(0, 'order')}")


MADE = hook_products(
    hook_products(
        traced_handler(by_class),
        before=traced_handler(by_class),
        apart=traced_handler(by_class),
        missing=traced_handler(by_class),
    )
)


def test_what_a_made_class_makes_is_hooked_and_otherwise_itself(recorder: Recorder, scope: Scope) -> None:
    imported = hooked(MADE, lambda _name: Middleware, scope)("path")
    assert imported.__name__ == "Middleware"
    assert imported.can_wait
    made = imported(plain)
    assert isinstance(made, Middleware)
    assert made.then is plain
    assert made("tea") == ("tea", True)
    assert made.before("milk")[0] is made.before.__self__
    assert type(made.before.__self__) is Middleware
    assert made.apart("sugar") == "sugar"
    assert not hasattr(made, "missing")
    assert names(recorder.take()) == ["Middleware milk", "Middleware tea"]


class Order:
    """Enters as itself, or as what it is told to."""

    def __init__(self, entered: Any = None) -> None:
        self.entered = entered

    def __enter__(self) -> Any:
        return self.entered or self

    async def __aenter__(self) -> Any:
        return self.entered or self

    def __exit__(self, *_error: object) -> None:
        pass

    async def __aexit__(self, *_error: object) -> None:
        pass

    def send(self) -> Any:
        return self


def test_a_block_of_what_is_made_gets_it_hooked(recorder: Recorder, scope: Scope) -> None:
    hook = hook_products(send=traced_handler(lambda call: SpanSpec(type(call.instance).__name__)))

    async def used() -> None:
        async with hooked(hook, Order, scope)() as order:
            assert type(order.send()) is Order

    with hooked(hook, Order, scope)() as order:
        assert type(order.send()) is Order
    asyncio.run(used())
    assert names(recorder.take()) == ["Order", "Order"]
    with hooked(hook, Order, scope)(Middleware) as other:
        assert other is Middleware


def test_the_call_that_makes_an_object_says_how_it_is_hooked(recorder: Recorder, scope: Scope) -> None:
    def methods(call: Call) -> dict[str, Hook]:
        order = call.arg(0, "order")
        return {"send": traced_handler(lambda _call: SpanSpec(order))} if order else {}

    async def make(order: str) -> Any:
        return Order()

    make = hooked(hook_methods_by_call(methods), make, scope)
    assert [type(result(make(order))) is Order for order in ("tea", "", "milk")] == [False, True, False]
    for order in ("tea", "", "milk"):
        result(make(order)).send()
    assert names(recorder.take()) == ["milk", "tea"]
    scope.active = False
    assert type(result(make("tea"))) is Order


def test_what_is_made_of_functions_are_functions(recorder: Recorder, scope: Scope) -> None:
    made = hooked(hook_products(traced_handler(by_class)), lambda: coroutine, scope)()
    assert inspect.iscoroutinefunction(made)
    assert made.__name__ == "coroutine"
    assert result(made("tea")) == ("tea", True)
    assert names(recorder.take()) == ["function tea"]


def test_nothing_is_made_of_nothing_nor_when_silent_and_what_was_made_falls_silent(
    recorder: Recorder, scope: Scope
) -> None:
    assert hooked(hook_products(traced_handler(by_class)), lambda: None, scope)() is None
    made = hooked(hook_products(traced_handler(by_class)), lambda: plain, scope)()
    wrapper = hooked(hook_products(traced_handler(by_class)), lambda: plain, scope)
    scope.active = False
    assert wrapper() is plain
    assert made("tea") == ("tea", False)
    assert recorder.take() == []


def test_what_cannot_be_hooked_is_given_as_it_is(scope: Scope) -> None:
    class Broken:
        def wrap(self, target: Target, scope: Scope) -> Any:
            raise Boom

    assert hooked(hook_products(Broken()), lambda: plain, scope)() is plain


def test_making_leaves_nothing_behind(scope: Scope) -> None:
    wrapper = hooked(MADE, lambda: Middleware, scope)
    wrapper()(plain)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(1_000):
        wrapper()(plain)
    gc.collect()
    assert len(gc.get_objects()) - before <= 10
