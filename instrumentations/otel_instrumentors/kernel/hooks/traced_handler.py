"""A span around each call of a handler: a callable that the application wrote and a framework calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .. import safety
from ..call import Call
from ..hook import Hook, Target, standing_for
from ..recording import Finish, Recording
from ..scope import Describe, Scope
from ..shape import Shape


def traced_handler(
    describe: Describe, finish: Finish | None = None, *, answers: Callable[[Exception], bool] | None = None
) -> Hook:
    """A hook that records each call of a handler as a span, as `traced` does for functions of libraries.

    A handler may be anything that can be called, and return a coroutine without being a coroutine function; its span
    lasts until that has been awaited. An exception that `answers` takes for an answer (a 404) is no failure.
    """
    return _TracedHandler(describe, finish, answers)


class _TracedHandler:
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
            try:
                recording.enter()
                result = function(*args, **kwargs)
                if inspect.iscoroutine(result):
                    recording.leave()
                    return self._awaited(result, recording, call)
                recording.finish(self.finish, call, result)
            except BaseException as error:
                self._raised(recording, error)
                raise
            return result

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return await plain(*args, **kwargs)

        return standing_for(function, coroutine if target.shape is Shape.COROUTINE else plain)

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
