"""A span for each call that had a result worth one: whether it had is known only when the call is over."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagate import extract
from opentelemetry.trace import Link, SpanContext, get_current_span

from ..call import Call, Incoming, SpanSpec
from ..clock import clock
from ..hook import Hook, Target, standing_for
from ..scope import Scope, current_for
from ..shape import Shape


class ResultCall(Call):
    """A call that is over: `result` is what it returned or yielded, None where it raised `error`."""

    __slots__ = ("error", "result")

    def __init__(self, call: Call, result: Any = None, error: Exception | None = None) -> None:
        super().__init__(call.instance, call.args, call.kwargs)
        self.result = result
        self.error = error


Describe = Callable[[ResultCall], SpanSpec | None]
Read = Callable[[ResultCall], Incoming | None]


def traced_result(describe: Describe, incoming: Read | None = None, *, suppressed_by: str | None = None) -> Hook:
    """A hook for functions that ask for something which may not be there: plain ones, coroutine functions, generators.

    `describe` is asked when the call has returned or raised, or a generator has yielded, and says None where that is no
    span's worth: an idle poll. The span of a call begins with the call. That of an item that a generator yields has no
    duration: how long the application works on it cannot be seen. What a generator raises makes no span.

    `incoming` says where the context of whoever sent the result is. The span is below that one, except where a span is
    current already: it is below that, and has a link to the sender's.
    """
    return _TracedResult(describe, incoming, suppressed_by)


class _TracedResult:
    __slots__ = ("describe", "incoming", "suppressed_by")

    def __init__(self, describe: Describe, incoming: Read | None, suppressed_by: str | None) -> None:
        self.describe = describe
        self.incoming = incoming
        self.suppressed_by = suppressed_by

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def plain(*args: Any, **kwargs: Any) -> Any:
            begun = clock.time_ns()
            try:
                result = function(*args, **kwargs)
            except Exception as error:
                self._record(scope, target.call(args, kwargs), None, error, begun)
                raise
            self._record(scope, target.call(args, kwargs), result, None, begun)
            return result

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            begun = clock.time_ns()
            try:
                result = await function(*args, **kwargs)
            except Exception as error:
                self._record(scope, target.call(args, kwargs), None, error, begun)
                raise
            self._record(scope, target.call(args, kwargs), result, None, begun)
            return result

        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            call = target.call(args, kwargs)
            return (yield from _told(function(*args, **kwargs), lambda item: self._record(scope, call, item)))

        shapes = {Shape.COROUTINE: coroutine, Shape.GENERATOR: generator}
        return standing_for(function, shapes.get(target.shape, plain))

    def _record(
        self, scope: Scope, over: Call, result: Any, error: Exception | None = None, begun: int | None = None
    ) -> None:
        if not scope.active:
            return
        call = ResultCall(over, result, error)
        if self.incoming is not None and _is_inside_a_span():
            recording = scope.open(self._linked(scope), call, self.suppressed_by, begun=begun)
        else:
            recording = scope.open(self.describe, call, self.suppressed_by, self.incoming, begun)  # type: ignore[arg-type]
        if recording is None:
            return
        if error is None:
            recording.end()
        else:
            recording.fail(error)

    def _linked(self, scope: Scope) -> Callable[[Any], SpanSpec | None]:
        """`describe`, with a link to the sender."""

        def linked(call: ResultCall) -> SpanSpec | None:
            spec = self.describe(call)
            if spec is not None and scope.propagates and self.incoming is not None:
                sender = _sender(self.incoming(call))
                if sender is not None and sender.is_valid:
                    spec.links = (*(spec.links or ()), Link(sender))
            return spec

        # What log lines name.
        linked.__module__, linked.__qualname__ = self.describe.__module__, self.describe.__qualname__
        return linked


def _is_inside_a_span() -> bool:
    return get_current_span(current_for(comes_in=True)).get_span_context().is_valid


def _sender(source: Incoming | None) -> SpanContext | None:
    if source is None:
        return None
    return get_current_span(extract(source.carrier, Context(), source.getter)).get_span_context()


def _told(generator: Generator[Any, Any, Any], tell: Callable[[Any], None]) -> Generator[Any, Any, Any]:
    """What `yield from generator` gives (PEP 380); `tell` is told of each item before it is yielded."""
    resume: Callable[[Any], Any] = generator.send
    value: Any = None
    while True:
        try:
            item = resume(value)
        except StopIteration as stop:
            return stop.value
        tell(item)
        try:
            value = yield item
        except GeneratorExit:
            generator.close()
            raise
        except BaseException as error:  # noqa: BLE001
            resume, value = generator.throw, error
        else:
            resume = generator.send
