"""What stood there before us is called as Python would call it, whoever put it there."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any

import pytest
import wrapt

from otel_instrumentors.kernel.binding import Binding
from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder, names

Seen = list[tuple[Any, tuple[Any, ...]]]


def library() -> type[Any]:
    class Cup:
        def fill(self, what: str) -> tuple[Any, str]:
            return self, what

        @classmethod
        def made(cls, what: str) -> tuple[Any, str]:
            return cls, what

        @staticmethod
        def washed(what: str) -> tuple[Any, str]:
            return None, what

        async def drink(self, what: str) -> tuple[Any, str]:
            await asyncio.sleep(0)
            return self, what

        halved = functools.partialmethod(fill, "half")

    return Cup


def wrapped_by_another(cls: type[Any], name: str) -> Seen:
    """Another tool's wrapper, by wrapt, around what stands there; what it is told of each call."""
    seen: Seen = []

    def note(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        seen.append((instance, args))
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(cls, name, note)
    return seen


def hook(cls: type[Any], name: str, recorder: Recorder) -> None:
    """As the instrumentor does it."""
    scope = Scope(recorder.provider.get_tracer("test"))
    binding = Binding(inspect.getattr_static(cls, name), cls, is_method=True)
    wrapper = traced(lambda call: SpanSpec(f"{name} {_named(call)}")).wrap(binding.target, scope)
    setattr(cls, name, binding.standing(wrapper))


def _named(call: Call) -> str:
    kind = call.instance if isinstance(call.instance, type) else type(call.instance)
    return f"{kind.__name__} {call.arg(0, 'what')}"


@pytest.mark.parametrize("is_wrapped", [True, False], ids=["wrapped by another", "alone"])
@pytest.mark.parametrize(
    ("name", "owner", "span"),
    [
        ("fill", "instance", "fill Cup tea"),
        ("made", "class", "made Cup tea"),
        ("washed", "nothing", "washed NoneType tea"),
        ("drink", "instance", "drink Cup tea"),
    ],
)
def test_each_is_bound_as_it_was_and_traced_once(name: str, owner: str, span: str, is_wrapped: bool) -> None:
    cls, recorder = library(), Recorder()
    was_coroutine = inspect.iscoroutinefunction(getattr(cls, name))
    seen = wrapped_by_another(cls, name) if is_wrapped else []
    hook(cls, name, recorder)
    assert inspect.iscoroutinefunction(getattr(cls, name)) == was_coroutine
    cup = cls()
    result = getattr(cup, name)("tea")
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    expected = {"instance": cup, "class": cls, "nothing": None}[owner]
    assert result == (expected, "tea")
    assert names(recorder.take()) == [span]
    assert seen == ([(expected, ("tea",))] if is_wrapped else [])


def test_class_and_static_methods_are_called_on_the_class_as_well() -> None:
    cls, recorder = library(), Recorder()
    for name in ("made", "washed"):
        wrapped_by_another(cls, name)
        hook(cls, name, recorder)
    assert (cls.made("tea"), cls.washed("tea")) == ((cls, "tea"), (None, "tea"))

    class Mug(cls):  # type: ignore[misc]
        pass

    assert Mug.made("milk") == (Mug, "milk")
    assert sorted(names(recorder.take())) == ["made Cup tea", "made Mug milk", "washed NoneType tea"]


def test_a_partial_method_keeps_its_arguments_and_its_instance() -> None:
    cls, recorder = library(), Recorder()
    hook(cls, "halved", recorder)
    cup = cls()
    assert cup.halved() == (cup, "half")
    assert len(recorder.take()) == 1


def test_a_descriptor_of_somebodys_own_is_asked_for_the_instance_at_each_call() -> None:
    class Counted:
        def __init__(self) -> None:
            self.asked: list[Any] = []

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            self.asked.append(instance)
            return lambda what: (instance, what)

    class Cup:
        fill = Counted()

    descriptor, recorder = vars(Cup)["fill"], Recorder()
    hook(Cup, "fill", recorder)
    one, other = Cup(), Cup()
    assert (one.fill("tea"), other.fill("milk")) == ((one, "tea"), (other, "milk"))
    assert descriptor.asked == [one, other]
    assert sorted(names(recorder.take())) == ["fill Cup milk", "fill Cup tea"]


def test_wrappers_that_lead_back_to_themselves_are_followed_to_an_end() -> None:
    class Endless:
        def __get__(self, instance: Any, owner: Any = None) -> Any:
            return lambda what: (instance, what)

        @property
        def __wrapped__(self) -> Any:
            return self

    class Cup:
        fill = Endless()

    hook(Cup, "fill", Recorder())
    cup = Cup()
    assert cup.fill("tea") == (cup, "tea")
