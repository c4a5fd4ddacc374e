"""What a function is given is hooked: a callback, which the library calls later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..around import around
from ..call import Arguments, Call
from ..hook import Hook, Target
from ..scope import Scope


def hook_argument(position: int, name: str, hook: Hook, unless: Callable[[Any], bool] | None = None) -> Hook:
    """A hook without a span: `hook` is for the calls of the argument at `position`, or of that name.

    What cannot be called is left as it is, and so is what `unless` says yes to: a callback of the library itself.
    """
    return _HookArgument(position, name, hook, unless)


class _HookArgument:
    __slots__ = ("hook", "name", "position", "unless")

    def __init__(self, position: int, name: str, hook: Hook, unless: Callable[[Any], bool] | None) -> None:
        self.position = position
        self.name = name
        self.hook = hook
        self.unless = unless

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        position, name = self.position, self.name

        def hooked(call: Call) -> Arguments | None:
            given = call.arg(position, name)
            if not callable(given) or (self.unless is not None and self.unless(given)):
                return None
            wrapper = self.hook.wrap(Target(given, None, is_method=False), scope)
            if position < len(call.args):
                return (*call.args[:position], wrapper, *call.args[position + 1 :]), call.kwargs
            return call.args, {**call.kwargs, name: wrapper}

        return around(target, scope, before=hooked)
