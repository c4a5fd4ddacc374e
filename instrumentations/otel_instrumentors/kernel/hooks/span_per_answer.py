"""A span from a request to its answer, in whatever thread that comes: for libraries with futures of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from ..around import around
from ..call import Call, Outcome
from ..hook import Hook, Target, standing_for
from ..recording import Recording
from ..scope import Describe, Scope
from .traced import traced

Tell = Callable[[Call, int], Outcome | None]


class SpanPerAnswer:
    """The questions of one library that wait for their answers, by the future that stands for each."""

    def __init__(self) -> None:
        self._asked: WeakKeyDictionary[Any, _Asked] = WeakKeyDictionary()

    def ask(self, describe: Describe) -> Hook:
        """A hook for the function that makes the future, before the question is sent."""

        def kept(_call: Call, future: Any, recording: Recording) -> Any:
            self.keep(future, recording)
            return future

        return traced(describe, hold=kept)

    def ask_again(self, describe: Describe) -> Hook:
        """A hook for the future's method that asks for more, such as the next page: a span of its own."""
        return _AskAgain(self, describe)

    def answer(self, tell: Tell) -> Hook:
        """A hook for the future's method that is given the answer: before it hands that on, the span ends.

        `tell` is asked with the call, and with how many answers the future has been asked for.
        """
        return _End(self, lambda asked, call: asked.recording.finish(tell, call, asked.number))

    def fail(self, error: Callable[[Call], BaseException], tell: Tell) -> Hook:
        """A hook for the future's method that is given what went wrong, which `error` finds in its call."""

        def failed(asked: _Asked, call: Call) -> None:
            asked.recording.learn(tell, call, asked.number)
            asked.recording.fail(error(call))

        return _End(self, failed)

    def keep(self, future: Any, recording: Recording) -> None:
        """From now on the future stands for the answer that `recording` waits for."""
        before = self._asked.get(future)
        self._asked[future] = _Asked(recording, 1 if before is None else before.number + 1)

    def of(self, future: Any) -> _Asked | None:
        """What the future waits for, if it still does."""
        asked = self._asked.get(future)
        return None if asked is None or asked.recording.ended else asked


class _Asked:
    """What a future waits for. Once nobody holds the future, no answer will come, and the span ends."""

    __slots__ = ("number", "recording")

    def __init__(self, recording: Recording, number: int) -> None:
        self.recording = recording
        self.number = number

    def __del__(self) -> None:
        self.recording.end_apart()


class _AskAgain:
    __slots__ = ("answers", "describe")

    def __init__(self, answers: SpanPerAnswer, describe: Describe) -> None:
        self.answers = answers
        self.describe = describe

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, answers, describe = target.function, self.answers, self.describe

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            call = target.call(args, kwargs)
            recording = scope.open(describe, call) if scope.active else None
            if recording is None:
                return function(*args, **kwargs)
            # Not current inside: the answer may come to another thread before the call returns, and ends the span.
            answers.keep(call.instance, recording)
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                recording.fail(error)
                raise

        return standing_for(function, wrapper)


class _End:
    __slots__ = ("answers", "end")

    def __init__(self, answers: SpanPerAnswer, end: Callable[[_Asked, Call], None]) -> None:
        self.answers = answers
        self.end = end

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def ended(call: Call) -> None:
            asked = self.answers.of(call.instance)
            if asked is not None:
                self.end(asked, call)

        return around(target, scope, before=ended)
