"""A span for each call that had a result worth one: whether it had is known only when the call is over."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from opentelemetry.context import Context, set_value
from opentelemetry.propagate import extract
from opentelemetry.trace import Link, SpanContext, get_current_span

from .. import safety
from ..call import Call, Incoming, SpanSpec
from ..clock import clock
from ..current import call_within, get_current
from ..hook import Hook, Target, standing_for
from ..recording import Finish, Recording
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
Links = Callable[[ResultCall], Iterable[Link]]


def traced_result(
    describe: Describe,
    incoming: Read | None = None,
    *,
    finish: Finish | None = None,
    links: Links | None = None,
    continues: bool = False,
    suppressed_by: str | None = None,
    silences: str | None = None,
) -> Hook:
    """A hook for functions that ask for something which may not be there: plain ones, coroutine functions, generators.

    `describe` is asked when the call has returned or raised, or a generator has yielded, and says None where that is no
    span's worth: an idle poll. The span of a call begins with the call. That of an item that a generator yields has no
    duration: how long the application works on it cannot be seen. What a generator raises makes no span.

    `incoming` says where the context of whoever sent the result is. The span is below that one, except where a span is
    current already: it is below that, and has a link to the sender's; unless it `continues` the sender's trace. `links`
    are further ones, to other senders.

    `suppressed_by` is as for `traced`. `silences` is the context key, of plain functions only, of hooks that stay
    silent while the function is called: those of its parts.
    """
    return _TracedResult(describe, incoming, finish, links, continues, suppressed_by, silences)


class _TracedResult:
    __slots__ = ("continues", "describe", "finish", "incoming", "links", "silences", "suppressed_by")

    def __init__(
        self,
        describe: Describe,
        incoming: Read | None,
        finish: Finish | None,
        links: Links | None,
        continues: bool,
        suppressed_by: str | None,
        silences: str | None,
    ) -> None:
        self.describe = describe
        self.incoming = incoming
        self.finish = finish
        self.links = links
        self.continues = continues
        self.suppressed_by = suppressed_by
        self.silences = silences

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function if self.silences is None else _silencing(target.function, self.silences, scope)

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
                await self._record_settled(scope, target.call(args, kwargs), None, error, begun)
                raise
            await self._record_settled(scope, target.call(args, kwargs), result, None, begun)
            return result

        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            call = target.call(args, kwargs)
            return (yield from _told(function(*args, **kwargs), lambda item: self._record(scope, call, item)))

        shapes = {Shape.COROUTINE: coroutine, Shape.GENERATOR: generator}
        return standing_for(target.function, shapes.get(target.shape, plain))

    def _record(
        self, scope: Scope, over: Call, result: Any, error: Exception | None = None, begun: int | None = None
    ) -> None:
        call = ResultCall(over, result, error)
        recording = self._opened(scope, call, begun)
        if recording is None:
            return
        if error is None:
            recording.finish(self.finish, call, result)
        else:
            recording.fail(error)

    async def _record_settled(self, scope: Scope, over: Call, result: Any, error: Exception | None, begun: int) -> None:
        """The same, with functions of the application's awaited that are coroutine functions."""
        call = ResultCall(over, result, error)
        recording = self._opened(scope, call, begun)
        if recording is None:
            return
        if recording.is_attended:
            recording.enter()
            try:
                await recording.settle()
            except BaseException:
                recording.abandon()
                recording.end()
                raise
            recording.leave()
        if error is not None:
            recording.fail(error)
        elif recording.is_attended:
            await recording.finish_settled(self.finish, call, result)
        else:
            recording.finish(self.finish, call, result)

    def _opened(self, scope: Scope, call: ResultCall, begun: int | None) -> Recording | None:
        if not scope.active:
            return None
        describe: Any = self.describe if self.links is None else self._linked(scope, self.links)
        incoming: Any = self.incoming
        if incoming is not None and not self.continues and _is_inside_a_span():
            describe, incoming = self._linked(scope, self._link_to_sender), None
        return scope.open(describe, call, self.suppressed_by, incoming, begun)

    def _linked(self, scope: Scope, links: Links) -> Callable[[Any], SpanSpec | None]:
        """`describe`, with links to senders."""

        def linked(call: ResultCall) -> SpanSpec | None:
            spec = self.describe(call)
            if spec is not None and scope.propagates:
                try:
                    spec.links = (*(spec.links or ()), *links(call))
                except Exception as error:  # noqa: BLE001
                    safety.report(safety.place(links), error)
            return spec

        # What log lines name.
        linked.__module__, linked.__qualname__ = self.describe.__module__, self.describe.__qualname__
        return linked

    def _link_to_sender(self, call: ResultCall) -> Iterator[Link]:
        sender = None if self.incoming is None else _sender(self.incoming(call))
        if sender is not None and sender.is_valid:
            yield Link(sender)
        if self.links is not None:
            yield from self.links(call)


def _silencing(function: Callable[..., Any], key: str, scope: Scope) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        if not scope.active:
            return function(*args, **kwargs)
        context = get_current()
        return call_within(set_value(key, True, context), context, function, args, kwargs)

    return called


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
