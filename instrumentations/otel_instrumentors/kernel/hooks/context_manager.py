"""Functions decorated with `contextlib.contextmanager`: a hook sees the generator below, from entering to leaving."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from ..hook import Hook, Target, standing_for
from ..scope import Scope
from ..shape import Shape, shape_of


def context_manager(hook: Hook) -> Hook:
    """`hook`, for a function that is decorated with `contextmanager` or `asynccontextmanager`."""
    return _ContextManager(hook)


class _ContextManager:
    __slots__ = ("hook",)

    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        generator = inspect.unwrap(target.function)
        wrapper = self.hook.wrap(Target(generator, target.owner, target.is_method), scope)
        is_async = shape_of(generator) is Shape.ASYNC_GENERATOR
        make: Callable[..., Any] = asynccontextmanager if is_async else contextmanager
        return standing_for(target.function, make(wrapper))
