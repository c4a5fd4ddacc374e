"""The shape of a function: seen once, when it is wrapped, so that what stands in its place has the same shape."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable
from typing import Any


class Shape(enum.Enum):
    """What a call of a function gives: its result, or something that gives it step by step."""

    PLAIN = enum.auto()
    COROUTINE = enum.auto()
    GENERATOR = enum.auto()
    ASYNC_GENERATOR = enum.auto()


def shape_of(function: Callable[..., Any]) -> Shape:
    """The shape of a function. One that returns an awaitable, and is no coroutine function, is PLAIN."""
    if inspect.iscoroutinefunction(function):
        return Shape.COROUTINE
    if inspect.isasyncgenfunction(function):
        return Shape.ASYNC_GENERATOR
    return Shape.GENERATOR if inspect.isgeneratorfunction(function) else Shape.PLAIN
