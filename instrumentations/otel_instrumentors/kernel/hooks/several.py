"""Several hooks for one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..hook import Hook, Target
from ..scope import Scope


def several(*hooks: Hook) -> Hook:
    """All of these: each is around the one before."""
    return _Several(hooks)


class _Several:
    __slots__ = ("hooks",)

    def __init__(self, hooks: tuple[Hook, ...]) -> None:
        self.hooks = hooks

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        for hook in self.hooks:
            target = Target(hook.wrap(target, scope), target.owner, target.is_method, target.shape)
        return target.function
