"""Hooks without a span: what a function is given, and what it gives back."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from . import safety
from .call import Arguments, Call
from .hook import Hook, Target, standing_for
from .scope import Scope

Change = Callable[[Call], Arguments | None]
Replace = Callable[[Call, Any], Any]


def given(change: Change) -> Hook:
    """A hook that calls the function with what `change` says in place of its arguments; None leaves those."""
    return _Given(change)


def returned(replace: Replace) -> Hook:
    """A hook that gives back what `replace` makes of the result. A coroutine's result is what it returns in the end."""
    return _Returned(replace)


class _Given:
    __slots__ = ("change",)

    def __init__(self, change: Change) -> None:
        self.change = change

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, change = target.function, self.change

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if scope.active:
                try:
                    changed = change(target.call(args, kwargs))
                    if changed is not None:
                        args, kwargs = target.arguments(args, changed)
                except Exception as error:  # noqa: BLE001
                    safety.report(safety.place(change), error)
            return function(*args, **kwargs)

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return await wrapper(*args, **kwargs)

        return standing_for(function, coroutine if inspect.iscoroutinefunction(function) else wrapper)


class _Returned:
    __slots__ = ("replace",)

    def __init__(self, replace: Replace) -> None:
        self.replace = replace

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, replace = target.function, self.replace

        def replaced(args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
            if not scope.active:
                return result
            try:
                return replace(target.call(args, kwargs), result)
            except Exception as error:  # noqa: BLE001
                safety.report(safety.place(replace), error)
                return result

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return replaced(args, kwargs, function(*args, **kwargs))

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return replaced(args, kwargs, await function(*args, **kwargs))

        return standing_for(function, coroutine if inspect.iscoroutinefunction(function) else wrapper)
