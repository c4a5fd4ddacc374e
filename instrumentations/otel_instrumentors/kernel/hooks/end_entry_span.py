"""Ends the entry span, that of the request being served, where the request is over before its handler is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from ..around import around
from ..call import Call, Outcome
from ..current import get_current
from ..hook import Hook, Target
from ..recording import entry_of
from ..scope import Scope


def end_entry_span(describe: Callable[[Call], Outcome | None], *, when: Literal["returned", "raised"]) -> Hook:
    """A hook without a span of its own, for plain and coroutine functions: with the call the request's span ends.

    When the call has returned (`when="returned"`, and `describe` is asked then), or where it raises (`when="raised"`:
    `describe` is asked before the call, and what the handler raises afterwards is no news).
    """
    return _EndEntrySpan(describe, when == "raised")


class _EndEntrySpan:
    __slots__ = ("describe", "if_raised")

    def __init__(self, describe: Callable[[Call], Outcome | None], if_raised: bool) -> None:
        self.describe = describe
        self.if_raised = if_raised

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def learn(call: Call) -> None:
            entry = entry_of(get_current())
            if entry is not None:
                entry.learn(self.describe, call)

        def end(_call: Call) -> None:
            entry = entry_of(get_current())
            if entry is not None:
                # The call may have been made in another task than the one that serves the request.
                entry.abandon()
                entry.end()

        def returned(call: Call, result: Any) -> Any:
            learn(call)
            end(call)
            return result

        if self.if_raised:
            return around(target, scope, before=learn, raised=end)
        return around(target, scope, returned=returned)
