"""Carries the caller's context to where its work is done: another thread, a greenlet, an event loop.

Only OpenTelemetry's context is carried: other context variables stay as the library treats them.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current

from ..kernel import safety
from ..kernel.aftermath import left_behind
from ..kernel.call import Arguments, Call
from ..kernel.hook import Hook, Target, standing_for
from ..kernel.hooks.change_arguments import change_arguments
from ..kernel.scope import Scope

_NOBODYS = Context()


def carried(position: int, name: str) -> Hook:
    """A hook for a function that has a job done elsewhere: the job, an argument, runs in the caller's context.

    What was current there before is current again after. Where there is no context to carry the job is left alone.
    """

    def carry(call: Call) -> Arguments | None:
        context = get_current()
        args, kwargs = call.args, call.kwargs
        if not context:
            return None
        if position < len(args):
            return (*args[:position], _job(args[position], context), *args[position + 1 :]), kwargs
        if name in kwargs:
            return args, {**kwargs, name: _job(kwargs[name], context)}
        return None

    return change_arguments(carry)


def _job(function: Callable[..., Any], context: Context) -> Callable[..., Any]:
    def job(*args: Any, **kwargs: Any) -> Any:
        token = attach(context)
        try:
            return function(*args, **kwargs)
        finally:
            detach(token)

    return job


def handed_over() -> tuple[Hook, Hook]:
    """Two hooks, for the method that starts an object and for the one that is then its work, perhaps elsewhere.

    The work is done in the context of who starts it. `start` must not return before the work has begun.
    """
    waiting: _Waiting = {}
    return _Started(waiting), _Begun(waiting)


def apart() -> Hook:
    """A hook for a function that starts what will serve anybody, such as a worker thread: it runs in no context."""
    return _Apart()


def entered(own: Callable[[Call], contextvars.Context | None]) -> Hook:
    """A hook for a function that works in a `contextvars.Context` that it keeps: the caller's context is current there.

    `own` says which that is; None where there is none.
    """
    return _Entered(own)


def follow(spawned: Any) -> None:
    """Let a greenlet that is about to start run in the caller's context."""
    try:
        context = get_current()
        if context:
            own = spawned.gr_context
            own = contextvars.Context() if own is None else own.copy()
            own.run(attach, left_behind(context))
            spawned.gr_context = own
    except Exception as error:  # noqa: BLE001
        safety.report("following a greenlet", error)


# By the identity of what is started. It stands beside its context, so that no other can have its identity meanwhile.
_Waiting = dict[int, tuple[Any, Context]]


class _Started:
    __slots__ = ("waiting",)

    def __init__(self, waiting: _Waiting) -> None:
        self.waiting = waiting

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, waiting = target.function, self.waiting

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not scope.active or not self._note(args):
                return function(*args, **kwargs)
            try:
                return function(*args, **kwargs)
            finally:
                # Still there when it could not be started.
                waiting.pop(id(args[0]), None)

        return standing_for(function, wrapper)

    def _note(self, args: tuple[Any, ...]) -> bool:
        try:
            context = get_current()
            # Who gives a thread a context has chosen.
            if not context or not args or id(args[0]) in self.waiting or _own_context(args[0]) is not None:
                return False
            self.waiting[id(args[0])] = (args[0], left_behind(context))
        except Exception as error:  # noqa: BLE001
            safety.report("handing the context over", error)
            return False
        return True


def _own_context(started: Any) -> contextvars.Context | None:
    own = getattr(started, "_context", None)
    return own if isinstance(own, contextvars.Context) else None


class _Begun:
    __slots__ = ("waiting",)

    def __init__(self, waiting: _Waiting) -> None:
        self.waiting = waiting

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, waiting = target.function, self.waiting

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            noted = waiting.pop(id(args[0]), None) if args else None
            if noted is None:
                return function(*args, **kwargs)
            # From Python 3.14 on a thread runs its work in a context that it has made when it was started.
            own = _own_context(noted[0])
            inside = own.run(attach, noted[1]) if own is not None else None
            token = attach(noted[1])
            del noted
            try:
                return function(*args, **kwargs)
            finally:
                detach(token)
                if own is not None and inside is not None:
                    own.run(detach, inside)

        return standing_for(function, wrapper)


class _Apart:
    __slots__ = ()

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            token = _left() if scope.active else None
            if token is None:
                return function(*args, **kwargs)
            try:
                return function(*args, **kwargs)
            finally:
                detach(token)

        return standing_for(function, wrapper)


def _left() -> contextvars.Token[Context] | None:
    """No context is current any more; None when none was."""
    try:
        return attach(_NOBODYS) if get_current() else None
    except Exception as error:  # noqa: BLE001
        safety.report("leaving the context", error)
        return None


class _Entered:
    __slots__ = ("own",)

    def __init__(self, own: Callable[[Call], contextvars.Context | None]) -> None:
        self.own = own

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            own = token = None
            if scope.active:
                try:
                    own = self.own(target.call(args, kwargs))
                    token = own.run(attach, get_current()) if own is not None else None
                except Exception as error:  # noqa: BLE001
                    safety.report(safety.place(self.own), error)
            if own is None or token is None:
                return function(*args, **kwargs)
            try:
                return function(*args, **kwargs)
            finally:
                own.run(detach, token)

        return standing_for(function, wrapper)
