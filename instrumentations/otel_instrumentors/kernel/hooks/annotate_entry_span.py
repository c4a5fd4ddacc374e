"""Adds to the entry span, that of the request being served, what a framework learns after it has started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from ..around import around
from ..call import Call, Outcome
from ..current import get_current
from ..hook import Hook, Target
from ..recording import entry_of
from ..response import Add, propagate_response
from ..scope import Scope

When = Literal["called", "returned", "left"]


def annotate_entry_span(*describe: Callable[..., Outcome | None], when: When, add: Add | None = None) -> Hook:
    """A hook without a span of its own, for plain and coroutine functions: it adds to the span of the request.

    Each `describe` is asked `when` the function is called (with the call), has returned (with the call and its result),
    or is left: as returned, and with None for the result where it raised. One that breaks does not hinder the others.

    Where the call sends the headers of a response, its instance, `add` adds one of ours before.
    """
    return _AnnotateEntrySpan(describe, when, add)


class _AnnotateEntrySpan:
    __slots__ = ("add", "describe", "when")

    def __init__(self, describe: tuple[Callable[..., Outcome | None], ...], when: When, add: Add | None) -> None:
        self.describe = describe
        self.when = when
        self.add = add

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def called(call: Call) -> None:
            self._learn(call)

        def returned(call: Call, result: Any) -> Any:
            self._learn(call, result)
            return result

        def raised(call: Call) -> None:
            self._learn(call, None)

        def sending(call: Call) -> None:
            entry = entry_of(get_current())
            if entry is not None and self.add is not None:
                propagate_response(call.instance, entry, self.add)

        if self.when == "called":
            return around(target, scope, before=called)
        before = None if self.add is None else sending
        return around(target, scope, before=before, returned=returned, raised=raised if self.when == "left" else None)

    def _learn(self, *subject: Any) -> None:
        entry = entry_of(get_current())
        if entry is not None:
            for describe in self.describe:
                entry.learn(describe, *subject)
