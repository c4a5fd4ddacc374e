"""Handlers: callables that the application wrote and a framework calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from wrapt import ObjectProxy

from . import safety
from .call import Call
from .hook import Hook, Target, standing_for
from .recording import Finish, Recording
from .scope import Describe, Scope


def handler(
    describe: Describe, finish: Finish | None = None, *, answers: Callable[[Exception], bool] | None = None
) -> Hook:
    """A hook that records each call of a handler as a span, as `traced` does for functions of libraries.

    A handler may be anything that can be called, and return a coroutine without being a coroutine function; its span
    lasts until that has been awaited. An exception that `answers` takes for an answer (a 404) is no failure.
    """
    return _Handler(describe, finish, answers)


def making(hook: Hook | None = None, **methods: Hook) -> Hook:
    """A hook for a function or class that makes callables or objects: what it makes is hooked, and None left alone.

    `hook` is for calls of what is made, `methods` for calls of its methods of these names, as far as it has them. What
    is made is the `instance` of such calls.
    """
    return _Making(hook, methods)


class _Handler:
    __slots__ = ("answers", "describe", "finish")

    def __init__(self, describe: Describe, finish: Finish | None, answers: Callable[[Exception], bool] | None) -> None:
        self.describe = describe
        self.finish = finish
        self.answers = answers

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, describe = target.function, self.describe

        def plain(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return function(*args, **kwargs)
            call = target.call(args, kwargs)
            recording = scope.open(describe, call)
            if recording is None:
                return function(*args, **kwargs)
            recording.enter()
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                self._raised(recording, error)
                raise
            if inspect.iscoroutine(result):
                recording.leave()
                return self._awaited(result, recording, call)
            recording.finish(self.finish, call, result)
            return result

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return await plain(*args, **kwargs)

        return standing_for(function, coroutine if inspect.iscoroutinefunction(function) else plain)

    async def _awaited(self, started: Any, recording: Recording, call: Call) -> Any:
        recording.enter()
        try:
            result = await started
        except BaseException as error:
            recording.abandon()
            self._raised(recording, error)
            raise
        recording.finish(self.finish, call, result)
        return result

    def _raised(self, recording: Recording, error: BaseException) -> None:
        try:
            is_answer = self.answers is not None and isinstance(error, Exception) and self.answers(error)
        except Exception as broken:  # noqa: BLE001
            safety.report(safety.place(self.answers), broken)
            is_answer = False
        if is_answer:
            recording.end()
        else:
            recording.fail(error)


class _Making:
    __slots__ = ("hook", "methods")

    def __init__(self, hook: Hook | None, methods: dict[str, Hook]) -> None:
        self.hook = hook
        self.methods = methods

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            made = function(*args, **kwargs)
            if made is None or not scope.active:
                return made
            try:
                return self._hooked(made, scope)
            except Exception as error:  # noqa: BLE001
                safety.report(f"hooking what {safety.place(function)} made", error)
                return made

        return standing_for(function, wrapper)

    def _hooked(self, made: Any, scope: Scope) -> Any:
        call = made if self.hook is None else self.hook.wrap(_Made(made, None, is_method=False), scope)
        if inspect.isfunction(made):
            return call
        methods = {}
        for name, hook in self.methods.items():
            # What is no method of the object's class, or not bound to the object, is left alone.
            function = getattr(getattr(made, name, None), "__func__", None)
            if function is not None:
                wrapper = hook.wrap(Target(function, type(made), is_method=True), scope)
                methods[name] = wrapper.__get__(made)
        return _Standing(made, call, methods)


class _Made(Target):
    """A callable whose calls are calls of itself."""

    __slots__ = ()

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        return Call(self.function, args, kwargs)


class _Standing(ObjectProxy):  # type: ignore[type-arg]
    """An object whose calls and some of whose methods are hooked; all else is its own."""

    def __init__(self, made: Any, call: Callable[..., Any], methods: dict[str, Callable[..., Any]]) -> None:
        super().__init__(made)
        self._self_call = call
        self._self_methods = methods

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._self_call(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = self._self_methods.get(name)
        return super().__getattr__(name) if found is None else found
