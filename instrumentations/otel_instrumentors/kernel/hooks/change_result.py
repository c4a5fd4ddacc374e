"""Another result than the function's own, for a function that gets no span."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..around import around
from ..call import Call
from ..hook import Hook, Target
from ..scope import Scope

Replace = Callable[[Call, Any], Any]


def change_result(replace: Replace) -> Hook:
    """A hook that gives the application what `replace` makes of the result (of a coroutine, what it returns)."""
    return _ChangeResult(replace)


class _ChangeResult:
    __slots__ = ("replace",)

    def __init__(self, replace: Replace) -> None:
        self.replace = replace

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        return around(target, scope, returned=self.replace)
