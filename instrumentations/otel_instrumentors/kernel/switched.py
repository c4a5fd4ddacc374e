"""Hooks that an operator switches on or off."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from .hook import Hook, Target
from .scope import Scope

PREFIX = "OTEL_INSTRUMENTATION_"
"""What the names of all switches begin with."""

_YES = frozenset(("true", "1", "yes", "on"))


def is_on(switch: str, otherwise: bool = False) -> bool:
    """What the variable `OTEL_INSTRUMENTATION_<switch>` says; `otherwise` where it is not set."""
    value = os.environ.get(PREFIX + switch, "").strip().lower()
    return value in _YES if value else otherwise


def switched(switch: str, hook: Hook) -> Hook:
    """A hook that stands where `switch` is on when the library is hooked; by default it does not.

    What is switched off costs nothing: the library keeps its own function.
    """
    return _Switched(switch, hook)


class _Switched:
    __slots__ = ("hook", "switch")

    def __init__(self, switch: str, hook: Hook) -> None:
        self.switch = switch
        self.hook = hook

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        return self.hook.wrap(target, scope) if is_on(self.switch) else target.function
