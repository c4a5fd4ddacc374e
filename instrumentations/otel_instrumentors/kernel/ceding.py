"""A layer above others that leaves the span to them: it makes its own only where none of them is traced."""

from __future__ import annotations

from collections.abc import Callable
from time import time_ns
from typing import Any

from opentelemetry.context import attach, detach, set_value

from .call import Claim
from .hook import Hook, Target, standing_for
from .recording import Finish
from .scope import Describe, Scope


def ceding(describe: Describe, finish: Finish | None = None, *, to: str) -> Hook:
    """A hook for plain functions that records a call as `traced` does, unless a span inside takes its place.

    Those are the spans whose `SpanSpec.claims` is the context key `to`. The layer's own is made when the call is over,
    with the time at which it began: it is never current, and nothing is below it.
    """
    return _Ceding(describe, finish, to)


class _Ceding:
    __slots__ = ("describe", "finish", "to")

    def __init__(self, describe: Describe, finish: Finish | None, to: str) -> None:
        self.describe = describe
        self.finish = finish
        self.to = to

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, describe, finish, to = target.function, self.describe, self.finish, self.to

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return function(*args, **kwargs)
            claim = Claim()
            token = attach(set_value(to, claim))
            begun = time_ns()
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                _back(token)
                if not claim.is_taken:
                    call = target.call(args, kwargs)
                    recording = scope.open(describe, call, begun=begun)
                    if recording is not None:
                        recording.fail(error)
                raise
            detach(token)
            if not claim.is_taken:
                call = target.call(args, kwargs)
                recording = scope.open(describe, call, begun=begun)
                if recording is not None:
                    recording.finish(finish, call, result)
            return result

        return standing_for(function, wrapper)


def _back(token: Any) -> None:
    """As `detach`, and silent where the call is broken off by the garbage collector, in another context."""
    try:
        token.var.reset(token)
    except (AttributeError, ValueError):
        return
