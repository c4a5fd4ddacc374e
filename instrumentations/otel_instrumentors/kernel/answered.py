"""What a framework's answer tells of the request that is being served."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from opentelemetry.context import get_current

from .call import Call, Outcome
from .hook import Hook, Target, standing_for
from .recording import ENTRY
from .scope import Scope

Describe = Callable[[Call, Any], Outcome | None]


def answered(*describe: Describe) -> Hook:
    """A hook without a span of its own, for plain and coroutine functions.

    It adds to the span of the request being served what is said of the call and its result (None where it raised), as
    `noted` does of the call alone. Where one of those who describe it breaks, the others are heard all the same.
    """
    return _Answered(describe)


class _Answered:
    __slots__ = ("describe",)

    def __init__(self, describe: tuple[Describe, ...]) -> None:
        self.describe = describe

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def plain(*args: Any, **kwargs: Any) -> Any:
            result = None
            try:
                result = function(*args, **kwargs)
            finally:
                if scope.active:
                    self._note(target.call(args, kwargs), result)
            return result

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            result = None
            try:
                result = await function(*args, **kwargs)
            finally:
                if scope.active:
                    self._note(target.call(args, kwargs), result)
            return result

        return standing_for(function, coroutine if inspect.iscoroutinefunction(function) else plain)

    def _note(self, call: Call, result: Any) -> None:
        entry: Any = get_current().get(ENTRY)
        if entry is not None:
            for describe in self.describe:
                entry.learn(describe, call, result)
