"""Hooks that are off unless an operator switches them on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..hook import Hook, Target
from ..scope import Scope
from ..switch import is_on


def opt_in(switch: str, hook: Hook) -> Hook:
    """`hook`, where the variable `OTEL_INSTRUMENTATION_<switch>` is on when the library is hooked; off by default.

    What is off costs nothing: the library keeps its own function.
    """
    return _OptIn(switch, hook)


class _OptIn:
    __slots__ = ("hook", "switch")

    def __init__(self, switch: str, hook: Hook) -> None:
        self.switch = switch
        self.hook = hook

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        return self.hook.wrap(target, scope) if is_on(self.switch) else target.function
