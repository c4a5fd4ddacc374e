"""What a framework learns of a request after its span has started."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from opentelemetry.context import get_current

from .call import Call, Outcome
from .hook import Hook, Target, standing_for
from .recording import ENTRY
from .scope import Scope


def noted(describe: Callable[[Call], Outcome | None], *, at: Literal["entry", "return"]) -> Hook:
    """A hook without a span of its own: it adds to the span of the request being served.

    It asks `describe` before the call (`at="entry"`) or after it has returned (`at="return"`).
    """
    return _Noted(describe, at == "entry")


class _Noted:
    __slots__ = ("before", "describe")

    def __init__(self, describe: Callable[[Call], Outcome | None], before: bool) -> None:
        self.describe = describe
        self.before = before

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, before = target.function, self.before

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return function(*args, **kwargs)
            if before:
                self._note(target.call(args, kwargs))
                return function(*args, **kwargs)
            result = function(*args, **kwargs)
            self._note(target.call(args, kwargs))
            return result

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            if not scope.active or before:
                return await wrapper(*args, **kwargs)
            result = await function(*args, **kwargs)
            self._note(target.call(args, kwargs))
            return result

        return standing_for(function, coroutine if inspect.iscoroutinefunction(function) else wrapper)

    def _note(self, call: Call) -> None:
        entry: Any = get_current().get(ENTRY)
        if entry is not None:
            entry.learn(self.describe, call)
