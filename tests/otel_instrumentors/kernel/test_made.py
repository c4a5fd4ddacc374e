"""Functions that make functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hook import Hook, Target
from otel_instrumentors.kernel.made import made
from otel_instrumentors.kernel.scope import Scope
from otel_instrumentors.kernel.traced import traced
from tests.otel_instrumentors.contract import Recorder, boom, names


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
    make = made(hook).wrap(Target(maker, None, False), scope)
    assert (make.__name__, make.__doc__) == ("maker", "Makes a function.")

    first, second = make("first"), make(name="second")
    assert (first(1), second(number=2)) == (2, 4)
    assert (first.__name__, names(recorder.take())) == ("double", ["first 1", "second 2"])


def test_what_was_made_falls_silent_and_nothing_new_is_traced(recorder: Recorder, scope: Scope) -> None:
    make = made(hook).wrap(Target(maker, None, False), scope)
    before = make("before")
    scope.active = False
    assert (before(1), make("after")(1)) == (2, 2)
    assert recorder.take() == []


def test_what_breaks_leaves_what_was_made(recorder: Recorder, scope: Scope) -> None:
    make = made(boom, boom).wrap(Target(maker, None, False), scope)
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
        made(hook, standing).wrap(Target(maker, None, False), scope)
    assert shop.double(3) == 6
    assert names(recorder.take()) == ["early 3"]
    assert not hasattr(shop.double.__wrapped__, "__wrapped__")
