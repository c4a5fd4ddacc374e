"""asyncio: a server's connections start in an empty context, and each run of a `Runner` in that of its caller.

Tasks, callbacks and `asyncio.to_thread` carry the context by themselves, and `run_in_executor` does by `futures`.
Coroutines, futures and functions make spans only where the variables OTEL_PYTHON_ASYNCIO_* ask for them.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from functools import partial
from inspect import iscoroutine
from sys import modules
from typing import Any

from .families import context
from .kernel.call import Arguments, Call, SpanSpec
from .kernel.hook import Hook, Target
from .kernel.hooks.change_arguments import change_arguments
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .kernel.recording import Recording
from .kernel.scope import Scope
from .kernel.switch import is_yes, listed

COROUTINES = "OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE"
FUNCTIONS = "OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE"
FUTURES = "OTEL_PYTHON_ASYNCIO_FUTURE_TRACE_ENABLED"

_SEVERAL = (list, tuple, set, frozenset)


def runners_own(call: Call) -> contextvars.Context | None:
    """The context that a runner copies when it is first used, and keeps."""
    return None if call.kwargs.get("context") is not None else getattr(call.instance, "_context", None)


class _Kept:
    """A coroutine that is about to run inside another one; closed with it where that never runs."""

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Any) -> None:
        self.coroutine = coroutine

    def __del__(self) -> None:
        self.coroutine.close()


def coroutine(call: Call) -> SpanSpec:
    return SpanSpec(f"asyncio coro-{call.args[0].coroutine.__name__}")


def future(_call: Call) -> SpanSpec:
    return SpanSpec("asyncio future")


def function(call: Call) -> SpanSpec:
    return SpanSpec(f"asyncio to_thread-{_name(call.args[0])}")


def _name(function: Any) -> Any:
    return getattr(function.func if isinstance(function, partial) else function, "__name__", None)


async def _run(kept: _Kept) -> Any:
    return await kept.coroutine


def _called(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _done(recording: Recording, future: Any) -> None:
    # Asking by `exception()` would keep asyncio from telling of one that nobody retrieves.
    error = getattr(future, "_exception", None)
    if error is None:
        recording.end()
    else:
        recording.fail(error)


class _Awaited(Hook):
    """For a function that is given coroutines and futures, `first` or all of its arguments by position."""

    def __init__(self, first: bool = True) -> None:
        self.first = first

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        names, has_futures = listed(COROUTINES), is_yes(FUTURES)
        if not names and not has_futures:
            return target.function
        run = traced(coroutine).wrap(Target(_run, None, is_method=False), scope)

        def spanned(item: Any) -> Any:
            if iscoroutine(item) and item.__name__ in names:
                made = run(_Kept(item))
                made.__name__, made.__qualname__ = item.__name__, item.__qualname__
                return made
            if has_futures and _is_future(item):
                recording = scope.open(future, Call(None, (item,), {}))
                if recording is not None:
                    item.add_done_callback(partial(_done, recording))
            return item

        def each(items: Any) -> Iterator[Any]:
            # One may be given twice.
            made = {key: spanned(item) for key, item in {id(item): item for item in items}.items()}
            return (made[id(item)] for item in items)

        def changed(call: Call) -> Arguments | None:
            if not call.args:
                return None
            if not self.first:
                return tuple(each(call.args)), call.kwargs
            first, *rest = call.args
            return (type(first)(each(first)) if type(first) in _SEVERAL else spanned(first), *rest), call.kwargs

        return change_arguments(changed).wrap(target, scope)


def _is_future(item: Any) -> bool:
    asyncio: Any = modules["asyncio"]
    return asyncio.isfuture(item) and not isinstance(item, asyncio.Task)


class _Threaded(Hook):
    """For `to_thread`."""

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        names = listed(FUNCTIONS)
        if not names:
            return target.function
        called = traced(function).wrap(Target(_called, None, is_method=False), scope)

        def changed(call: Call) -> Arguments | None:
            is_named = bool(call.args) and _name(call.args[0]) in names
            return ((called, *call.args), call.kwargs) if is_named else None

        return change_arguments(changed).wrap(target, scope)


_apart = context.apart()
_awaited = _Awaited()


class AsyncioInstrumentor(Instrumentor):
    hooks = {
        "asyncio": {
            # What arrives on a connection is run in the context of who started to listen; of who made the server from
            # Python 3.15 on.
            "Server.__init__": _apart,
            "Server._start_serving": _apart,
            "Runner.run": context.entered(runners_own),
            "TaskGroup.create_task": _awaited,
            "as_completed": _awaited,
            "create_task": _awaited,
            "ensure_future": _awaited,
            "gather": _Awaited(first=False),
            "run_coroutine_threadsafe": _awaited,
            "to_thread": _Threaded(),
            "wait": _awaited,
            "wait_for": _awaited,
        },
    }
