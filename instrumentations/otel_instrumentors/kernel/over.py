"""When the request being served is over before its handler is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from opentelemetry.context import get_current

from .call import Call, Outcome
from .hook import Hook, Target, standing_for
from .recording import ENTRY, Recording
from .scope import Scope


def over(describe: Callable[[Call], Outcome | None], *, when: Literal["returned", "raised"]) -> Hook:
    """A hook without a span of its own: with this call the span of the request being served ends.

    When the call has returned (`when="returned"`, and `describe` is asked then), or where it raises (`when="raised"`:
    `describe` is asked before the call, and what the handler raises afterwards is no news).
    """
    return _Over(describe, when == "raised")


class _Over:
    __slots__ = ("describe", "if_raised")

    def __init__(self, describe: Callable[[Call], Outcome | None], if_raised: bool) -> None:
        self.describe = describe
        self.if_raised = if_raised

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, if_raised = target.function, self.if_raised

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            entry = _entry() if scope.active else None
            if entry is None:
                return function(*args, **kwargs)
            if if_raised:
                entry.learn(self.describe, target.call(args, kwargs))
            try:
                result = function(*args, **kwargs)
            except BaseException:
                if if_raised:
                    _end(entry)
                raise
            if not if_raised:
                entry.learn(self.describe, target.call(args, kwargs))
                _end(entry)
            return result

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            entry = _entry() if scope.active else None
            if entry is None:
                return await function(*args, **kwargs)
            if if_raised:
                entry.learn(self.describe, target.call(args, kwargs))
            try:
                result = await function(*args, **kwargs)
            except BaseException:
                if if_raised:
                    _end(entry)
                raise
            if not if_raised:
                entry.learn(self.describe, target.call(args, kwargs))
                _end(entry)
            return result

        return standing_for(function, coroutine if inspect.iscoroutinefunction(function) else wrapper)


def _entry() -> Recording | None:
    entry: Any = get_current().get(ENTRY)
    return entry  # type: ignore[no-any-return]


def _end(entry: Recording) -> None:
    # The call may have been made in another task than the one that serves the request.
    entry.abandon()
    entry.end()
