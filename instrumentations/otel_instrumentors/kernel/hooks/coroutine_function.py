"""Wraps a hook, for a coroutine function that does not say that it is one: those that an older Cython compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..hook import Hook, Target
from ..scope import Scope
from ..shape import Shape


def coroutine_function(hook: Hook) -> Hook:
    """`hook`, for a function whose calls give a coroutine, whatever can be seen of the function."""
    return _CoroutineFunction(hook)


class _CoroutineFunction:
    __slots__ = ("hook",)

    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        return self.hook.wrap(Target(target.function, target.owner, target.is_method, Shape.COROUTINE), scope)
