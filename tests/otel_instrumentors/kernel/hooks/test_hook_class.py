"""Classes written in C, for which a subclass stands."""

from __future__ import annotations

import gc
import weakref
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from typing import Any

import pytest

from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.hook_class import hook_class
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder, names


def describe(call: Call) -> SpanSpec:
    return SpanSpec(f"append {call.arg(0, 'item')}")


HOOK = hook_class(append=traced(describe), gone=traced(describe))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def scope(recorder: Recorder) -> Scope:
    return Scope(recorder.provider.get_tracer("test"))


def hooked(cls: Any, scope: Scope) -> Any:
    return HOOK.wrap(Target(cls, None, False), scope)


def test_hooked_methods_are_recorded_until_the_scope_is_not_active(recorder: Recorder, scope: Scope) -> None:
    made = hooked(deque, scope)([1], maxlen=2)
    made.append(2)
    made.appendleft(0)
    assert list(made) == [0, 1]
    scope.active = False
    made.append(3)
    assert names(recorder.take()) == ["append 2"]


def test_the_subclass_looks_like_the_class(scope: Scope) -> None:
    kind = hooked(deque, scope)
    assert (kind.__name__, kind.__qualname__, kind.__module__, kind.__doc__) == (
        deque.__name__,
        deque.__qualname__,
        deque.__module__,
        deque.__doc__,
    )
    assert not hasattr(kind(), "__dict__")
    assert kind([1]) == deque([1])
    assert not hasattr(kind, "gone")


def test_what_was_made_or_derived_before_counts_as_of_the_subclass(scope: Scope) -> None:
    class Before(deque):  # type: ignore[type-arg]
        pass

    kind = hooked(deque, scope)
    for before in (deque(), Before(), kind()):
        assert isinstance(before, kind)
    assert issubclass(Before, kind)
    assert issubclass(kind, deque)
    assert not isinstance([], kind)
    assert not issubclass(list, kind)


def test_what_is_derived_from_the_subclass_is_recorded_and_is_itself_alone(recorder: Recorder, scope: Scope) -> None:
    kind = hooked(deque, scope)

    class Brewing(ABC):
        @abstractmethod
        def brew(self) -> str: ...

    class Own(kind, Brewing):  # type: ignore[misc, valid-type]
        def brew(self) -> str:
            self.append("leaf")
            return "tea"

    own = Own()
    assert own.brew() == "tea"
    assert (isinstance(own, Own), isinstance(own, kind), isinstance(own, deque)) == (True, True, True)
    assert not isinstance(kind(), Own)
    assert not isinstance(deque(), Own)
    assert issubclass(Own, Own)
    assert not issubclass(kind, Own)
    assert names(recorder.take()) == ["append leaf"]


def test_a_class_with_a_metaclass_keeps_it(scope: Scope) -> None:
    class Meta(type):
        pass

    class Kept(list, metaclass=Meta):  # type: ignore[type-arg]
        pass

    kind = hooked(Kept, scope)
    assert isinstance(kind, Meta)
    assert isinstance(Kept(), kind)
    again = hooked(kind, scope)
    assert isinstance(kind(), again)


def test_objects_can_be_referred_to_weakly_and_go_when_nobody_holds_them(scope: Scope) -> None:
    class Slotted:
        __slots__ = ("item",)

        def append(self, item: Any) -> None:
            self.item = item

    for cls in (Slotted, OrderedDict):
        made = hooked(cls, scope)()
        gone = weakref.ref(made)
        del made
        gc.collect()
        assert gone() is None


def test_what_is_no_class_is_left_alone(scope: Scope) -> None:
    def factory() -> Any:
        return deque()

    assert hooked(factory, scope) is factory
