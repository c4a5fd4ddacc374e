"""Functions that make functions: what is made is hooked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from . import safety
from .call import Call
from .hook import Hook, Target, standing_for
from .scope import Scope

Standing = Callable[[], Iterable[tuple[Any, str, Call]]]


def made(hook: Callable[[Call], Hook], standing: Standing | None = None) -> Hook:
    """A hook for a function that makes functions: `hook` says of the making call how what it makes is to be watched.

    `standing` finds what was made before: whose attribute it is, its name, and the call that would make it. What was
    made is not taken back by uninstrumenting, it falls silent.
    """
    return _Made(hook, standing)


_originals: WeakKeyDictionary[Callable[..., Any], Callable[..., Any]] = WeakKeyDictionary()
"""By our wrapper, so that instrumenting again does not wrap one in the other."""


class _Made:
    __slots__ = ("hook", "standing")

    def __init__(self, hook: Callable[[Call], Hook], standing: Standing | None) -> None:
        self.hook = hook
        self.standing = standing

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def watched(call: Call, result: Any) -> Any:
            try:
                original = _originals.get(result, result)
                wrapper = self.hook(call).wrap(Target(original, None, False), scope)
                _originals[wrapper] = original
            except Exception as error:  # noqa: BLE001
                safety.report(safety.place(self.hook), error)
                return result
            return wrapper

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            return watched(target.call(args, kwargs), result) if scope.active else result

        if self.standing is not None:
            try:
                for owner, name, call in self.standing():
                    setattr(owner, name, watched(call, getattr(owner, name)))
            except Exception as error:  # noqa: BLE001
                safety.report(safety.place(self.standing), error)
        return standing_for(function, wrapper)
