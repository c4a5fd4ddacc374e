"""Context managers made of generators (`contextlib`): a hook sees the generator below them, from enter to exit."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from .hook import Hook, Target, standing_for
from .scope import Scope


def managed(hook: Hook) -> Hook:
    """`hook`, for a function that is decorated with `contextmanager` or `asynccontextmanager`."""
    return _Managed(hook)


class _Managed:
    __slots__ = ("hook",)

    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        generator = inspect.unwrap(target.function)
        wrapper = self.hook.wrap(Target(generator, target.owner, target.is_method), scope)
        make: Callable[..., Any] = asynccontextmanager if inspect.isasyncgenfunction(generator) else contextmanager
        return standing_for(target.function, make(wrapper))
