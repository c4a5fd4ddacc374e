"""Other arguments than the application's, for a function that gets no span."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..around import around
from ..call import Arguments, Call
from ..hook import Hook, Target
from ..scope import Scope

Change = Callable[[Call], Arguments | None]


def change_arguments(change: Change) -> Hook:
    """A hook that calls the function with what `change` says in place of its arguments; None leaves those."""
    return _ChangeArguments(change)


class _ChangeArguments:
    __slots__ = ("change",)

    def __init__(self, change: Change) -> None:
        self.change = change

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        return around(target, scope, before=self.change)
