"""A span for each call, whatever the shape of the function: plain, coroutine, generator, asynchronous generator."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from opentelemetry.context import Context

from .. import safety
from ..call import Arguments, Call
from ..current import attach, detach
from ..hook import Hook, Target, standing_for
from ..recording import Explain, Finish, Recording
from ..scope import Describe, Read, Scope
from ..shape import Shape

Prepare = Callable[[Call, Context], Arguments | None]
Hold = Callable[[Call, Any, Recording], Any]


def traced(
    describe: Describe,
    finish: Finish | None = None,
    *,
    suppressed_by: str | None = None,
    incoming: Read | None = None,
    prepare: Prepare | None = None,
    hold: Hold | None = None,
    explain: Explain | None = None,
) -> Hook:
    """A hook that records each call as the span that `describe` says, completed by `finish` with the result.

    `describe` may answer None: this call deserves no span. The result of a generator is what it returns, of an
    asynchronous one None. `suppressed_by` is a context key that silences these calls beside the general one.

    `incoming` says where the context of the caller is, for a request that comes in from elsewhere. `explain` says what
    an exception that leaves the call means: an answer perhaps, or a status (`Recording.fail`).

    Of plain and coroutine functions only: `prepare` says which arguments tell the called side of the span (given its
    context), in place of the application's; None leaves those. It is not asked where nothing is to be passed on. `hold`
    is for a call that is not over when it returns: it is given the recording, no longer current and still open, for
    somebody to end it; what it returns is what the application gets.
    """
    return _Traced(describe, finish, suppressed_by, incoming, prepare, hold, explain)


class _Traced:
    __slots__ = ("describe", "explain", "finish", "hold", "incoming", "prepare", "suppressed_by")

    def __init__(
        self,
        describe: Describe,
        finish: Finish | None,
        suppressed_by: str | None,
        incoming: Read | None,
        prepare: Prepare | None,
        hold: Hold | None,
        explain: Explain | None,
    ) -> None:
        self.describe = describe
        self.finish = finish
        self.suppressed_by = suppressed_by
        self.incoming = incoming
        self.prepare = prepare
        self.hold = hold
        self.explain = explain

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        make = {
            Shape.PLAIN: self._plain,
            Shape.COROUTINE: self._coroutine,
            Shape.GENERATOR: self._generator,
            Shape.ASYNC_GENERATOR: self._async_generator,
        }[target.shape]
        return standing_for(target.function, make(target, scope))

    def _plain(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function
        describe, finish, suppressed_by = self.describe, self.finish, self.suppressed_by
        incoming, hold, explain = self.incoming, self.hold, self.explain
        prepare = self.prepare if scope.injects else None

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return function(*args, **kwargs)
            call = target.call(args, kwargs)
            recording = scope.open(describe, call, suppressed_by, incoming)
            if recording is None:
                return function(*args, **kwargs)
            # All of it, as a signal handler of the application's may raise anywhere.
            try:
                recording.enter()
                if prepare is not None:
                    args, kwargs = _prepared(prepare, call, recording, target, args, kwargs)
                result = function(*args, **kwargs)
                if hold is not None:
                    return _held(hold, call, result, recording)
                recording.finish(finish, call, result)
            except BaseException as error:
                recording.fail(error, explain, call)
                raise
            return result

        return wrapper

    def _coroutine(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function
        describe, finish, suppressed_by = self.describe, self.finish, self.suppressed_by
        incoming, hold, explain = self.incoming, self.hold, self.explain
        prepare = self.prepare if scope.injects else None

        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return await function(*args, **kwargs)
            call = target.call(args, kwargs)
            recording = scope.open(describe, call, suppressed_by, incoming)
            if recording is None:
                return await function(*args, **kwargs)
            try:
                recording.enter()
                if prepare is not None:
                    args, kwargs = _prepared(prepare, call, recording, target, args, kwargs)
                if recording.is_attended:
                    await recording.settle()
                result = await function(*args, **kwargs)
                if hold is not None:
                    return _held(hold, call, result, recording)
                if recording.is_attended:
                    await recording.finish_settled(finish, call, result)
                else:
                    recording.finish(finish, call, result)
            except BaseException as error:
                recording.abandon()
                recording.fail(error, explain, call)
                raise
            return result

        return wrapper

    def _generator(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function
        describe, finish, suppressed_by = self.describe, self.finish, self.suppressed_by
        incoming, explain = self.incoming, self.explain

        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            call = target.call(args, kwargs)
            recording = scope.open(describe, call, suppressed_by, incoming) if scope.active else None
            if recording is None:
                return (yield from function(*args, **kwargs))
            return (yield from steps(function(*args, **kwargs), recording, finish, call, explain))

        return wrapper

    def _async_generator(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function
        describe, finish, suppressed_by = self.describe, self.finish, self.suppressed_by
        incoming, explain = self.incoming, self.explain

        async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            call = target.call(args, kwargs)
            recording = scope.open(describe, call, suppressed_by, incoming) if scope.active else None
            generator = function(*args, **kwargs)
            step = generator.asend(None)
            while True:
                try:
                    item = await (step if recording is None else _inside(recording, step))
                except StopAsyncIteration:
                    if recording is not None:
                        recording.finish(finish, call, None)
                    return
                except BaseException as error:
                    if recording is not None:
                        recording.fail(error, explain, call)
                    raise
                try:
                    sent = yield item
                except GeneratorExit:
                    # Ended first: the generator's own clean-up may never be awaited to its end.
                    if recording is not None:
                        recording.end_apart()
                    await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001
                    step = generator.athrow(error)
                else:
                    step = generator.asend(sent)

        return wrapper


def _prepared(
    prepare: Prepare, call: Call, recording: Recording, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Arguments:
    try:
        prepared = prepare(call, recording.context)
    except Exception as error:  # noqa: BLE001
        safety.report(safety.place(prepare), error)
        return args, kwargs
    return (args, kwargs) if prepared is None else target.arguments(args, prepared)


def _held(hold: Hold, call: Call, result: Any, recording: Recording) -> Any:
    recording.leave()
    try:
        return hold(call, result, recording)
    except Exception as error:  # noqa: BLE001
        safety.report(safety.place(hold), error)
        recording.end()
        return result


def steps(
    generator: Generator[Any, Any, Any],
    recording: Recording,
    finish: Finish | None,
    call: Call,
    explain: Explain | None,
) -> Generator[Any, Any, Any]:
    """Drive `generator` step by step, as `yield from` does (PEP 380), with the span current inside each step only."""
    resume: Callable[[Any], Any] = generator.send
    value: Any = None
    while True:
        token = attach(recording.context)
        try:
            item = resume(value)
        except StopIteration as stop:
            detach(token)
            recording.finish(finish, call, stop.value)
            return stop.value
        except BaseException as error:
            detach(token)
            recording.fail(error, explain, call)
            raise
        detach(token)
        try:
            value = yield item
        except GeneratorExit:
            recording.end_apart()
            generator.close()
            raise
        except BaseException as error:  # noqa: BLE001
            resume, value = generator.throw, error
        else:
            resume = generator.send


async def _inside(recording: Recording, step: Any) -> Any:
    """One step of an asynchronous generator with the span current."""
    recording.enter()
    try:
        item = await step
    except BaseException:
        recording.abandon()
        raise
    recording.leave()
    return item
