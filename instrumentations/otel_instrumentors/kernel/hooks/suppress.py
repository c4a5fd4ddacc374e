"""Suppresses traced calls inside a call which the span around it describes already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import set_value

from ..current import call_within, get_current
from ..hook import Hook, Target, standing_for
from ..scope import Scope


def suppress(key: str, *, inside: str | None = None) -> Hook:
    """A hook without a span, for plain functions: hooks that the context key `key` suppresses are silent meanwhile.

    With `inside`, only where that context key is set: within a span that silences it (`SpanSpec.silences`).
    """
    return _Suppress(key, inside)


class _Suppress:
    __slots__ = ("inside", "key")

    def __init__(self, key: str, inside: str | None) -> None:
        self.key = key
        self.inside = inside

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, key, inside = target.function, self.key, self.inside

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            context = get_current()
            if not scope.active or (inside is not None and not context.get(inside)):
                return function(*args, **kwargs)
            return call_within(set_value(key, True, context), context, function, args, kwargs)

        return standing_for(function, wrapper)
