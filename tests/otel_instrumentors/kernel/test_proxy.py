"""A proxy has the special methods of what it stands for: these, and no others."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from collections.abc import AsyncIterator, Iterator
from typing import Any
from weakref import ref

import pytest

from otel_instrumentors.kernel.proxy import Proxy, stand_for


class Cup:
    """A cup."""

    def __init__(self, what: str = "tea") -> None:
        self.what = what

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cup) and other.what == self.what

    __hash__ = None  # type: ignore[assignment]


class Tray(list[Any]):
    pass


class Stream:
    async def __aiter__(self) -> AsyncIterator[int]:
        yield 1


class Door:
    is_open = False

    def __enter__(self) -> str:
        self.is_open = True
        return "in"

    def __exit__(self, *_args: object) -> None:
        self.is_open = False

    def __call__(self, times: int) -> int:
        return times


def numbers() -> Iterator[int]:
    yield from (1, 2)


def proxied(wrapped: Any) -> Any:
    return stand_for(Proxy, wrapped)(wrapped)


ASKED_FOR = ("len", "getitem", "iter", "next", "call", "enter", "await", "aiter", "bool", "contains")
SPECIAL = [f"__{name}__" for name in ASKED_FOR]


@pytest.mark.parametrize("wrapped", [Cup(), Tray((1, 2)), numbers(), Stream(), Door(), {"a": 1}, open, 3, "text", None])
def test_its_type_claims_what_the_other_type_can_and_nothing_else(wrapped: Any) -> None:
    standing = proxied(wrapped)
    for name in SPECIAL:
        assert hasattr(type(standing), name) == hasattr(type(wrapped), name), name
    assert isinstance(standing, type(wrapped))
    assert type(standing).__name__ == type(wrapped).__name__


def test_what_it_can_is_done_by_the_other() -> None:
    tray, door = proxied(Tray((1, 2))), proxied(Door())
    assert (len(tray), tray[1], list(tray), 2 in tray, tray == [1, 2]) == (2, 2, [1, 2], True, True)
    assert str(tray) == "[1, 2]"
    assert [*proxied(numbers())] == [1, 2]
    with door as inside:
        assert (inside, door.is_open, door(3)) == ("in", True, 3)
    assert not door.is_open

    async def read() -> list[int]:
        return [number async for number in proxied(Stream())]

    assert asyncio.run(read()) == [1]


def test_attributes_are_the_others() -> None:
    cup = Cup()
    standing = proxied(cup)
    standing.what = "milk"
    assert cup.what == "milk"
    del standing.what
    assert not hasattr(cup, "what")
    assert not hasattr(standing, "what")
    with pytest.raises(TypeError, match="unhashable"):
        hash(standing)


def test_copies_and_pickles_are_of_the_other() -> None:
    standing = proxied(Cup("milk"))
    for made in (copy.copy(standing), copy.deepcopy(standing), pickle.loads(pickle.dumps(standing))):
        assert type(made) is Cup
        assert made.what == "milk"


def test_special_methods_of_its_own_go_before_where_the_other_has_them_too() -> None:
    class Doubling(Proxy):
        __slots__ = ()

        special = {"__len__": lambda self: 2 * len(self._self_wrapped)}

    def doubling(wrapped: Any) -> Any:
        return stand_for(Doubling, wrapped)(wrapped)

    assert len(doubling([1])) == 2
    assert not hasattr(type(doubling(numbers())), "__len__")


def test_a_class_is_made_once_and_goes_with_the_type_it_stands_for() -> None:
    assert type(proxied(Cup())) is type(proxied(Cup()))

    def of_a_class_of_the_moment() -> Any:
        class Moment:
            pass

        assert proxied(Moment()) is not None
        return ref(Moment)

    gone = of_a_class_of_the_moment()
    gc.collect()
    assert gone() is None
