"""Suppresses the spans of what a library does for itself, outside of any span."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, set_value
from opentelemetry.trace import get_current_span

from ..current import attach, detach, get_current
from ..hook import Hook, Target, standing_for
from ..proxy import Proxy, stand_for
from ..scope import Scope


def suppress_outside(*, block: bool = False) -> Hook:
    """A hook without a span, for plain functions: where no span is current, nothing below the call is traced.

    With `block` it is for a function that returns a context manager, and holds in the block of the `with` statement.
    """
    return _SuppressOutside(block)


class _SuppressOutside:
    __slots__ = ("block",)

    def __init__(self, block: bool) -> None:
        self.block = block

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def plain(*args: Any, **kwargs: Any) -> Any:
            token = _suppressed() if scope.active else None
            if token is None:
                return function(*args, **kwargs)
            try:
                return function(*args, **kwargs)
            finally:
                detach(token)

        def block(*args: Any, **kwargs: Any) -> Any:
            made = function(*args, **kwargs)
            return stand_for(_Block, made)(made) if scope.active else made

        return standing_for(function, block if self.block else plain)


def _suppressed() -> Any:
    """The token of a context in which nothing is traced; None where a span is current."""
    if get_current_span().get_span_context().is_valid:
        return None
    return attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True, get_current()))


class _Block(Proxy):
    __slots__ = ("_self_token",)

    def __init__(self, block: Any) -> None:
        super().__init__(block)
        self._self_token: Any = None

    def _self_enter(self) -> Any:
        token = _suppressed()
        try:
            entered = self._self_wrapped.__enter__()
        except BaseException:
            if token is not None:
                detach(token)
            raise
        self._self_token = token
        return entered

    def _self_exit(self, kind: Any, error: Any, traceback: Any) -> Any:
        try:
            return self._self_wrapped.__exit__(kind, error, traceback)
        finally:
            token, self._self_token = self._self_token, None
            if token is not None:
                detach(token)

    special = {"__enter__": _self_enter, "__exit__": _self_exit}
