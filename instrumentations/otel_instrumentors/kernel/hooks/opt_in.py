"""Hooks that are off unless an operator switches them on, or an application asks for what they are for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..call import Call
from ..hook import Hook, Target
from ..scope import Scope
from ..switch import is_on


def opt_in(switch: str, hook: Hook, otherwise: Hook | None = None) -> Hook:
    """`hook`, where the variable `OTEL_INSTRUMENTATION_<switch>` is on when the library is hooked; off by default.

    What is off costs nothing: the library keeps its own function, or gets the hook `otherwise`.
    """
    return _OptIn(switch, hook, otherwise)


def where_asked(hook: Hook, *options: str) -> Hook:
    """`hook`, where the plugin is instrumented with one of these (of `Options.others`, by the names there).

    For plugins of which nothing is instrumented singly: that would have to be asked at each call.
    """
    return _WhereAsked(hook, options)


class _WhereAsked:
    __slots__ = ("hook", "options")

    def __init__(self, hook: Hook, options: tuple[str, ...]) -> None:
        self.hook = hook
        self.options = options

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        asked = scope.asked(Call(None, (), {}))
        return self.hook.wrap(target, scope) if any(map(asked.get, self.options)) else target.function


class _OptIn:
    __slots__ = ("hook", "otherwise", "switch")

    def __init__(self, switch: str, hook: Hook, otherwise: Hook | None) -> None:
        self.switch = switch
        self.hook = hook
        self.otherwise = otherwise

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        hook = self.hook if is_on(self.switch) else self.otherwise
        return target.function if hook is None else hook.wrap(target, scope)
