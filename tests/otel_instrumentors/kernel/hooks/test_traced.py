"""The four shapes of a call."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import logging
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.propagators.textmap import default_getter
from opentelemetry.sdk.trace import TracerProvider

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Arguments, Call, Incoming, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.annotate_entry_span import annotate_entry_span
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.recording import Recording
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder, boom


def describe(call: Call) -> SpanSpec | None:
    return None if call.arg(0, "x") == "unworthy" else SpanSpec("span", attributes={"x": str(call.arg(0, "x"))})


def finish(_call: Call, result: Any) -> Outcome:
    return Outcome({"result": str(result)})


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def wrapped(recorder: Recorder) -> Callable[..., Any]:
    scope = Scope(recorder.provider.get_tracer("test"))
    return lambda function: traced(describe, finish).wrap(Target(function, None, False), scope)


def current_name() -> str | None:
    return getattr(trace.get_current_span(), "name", None)


def recorded(recorder: Recorder) -> list[tuple[dict[str, Any], str]]:
    return [(dict(span.attributes or {}), span.status.status_code.name) for span in recorder.take()]


def plain(x: Any) -> Any:
    if x == "bad":
        raise ValueError(x)
    return x, current_name()


async def coroutine(x: Any) -> Any:
    await asyncio.sleep(0)
    return plain(x)


def generator(x: Any) -> Iterator[Any]:
    sent = yield plain(x)
    while sent:
        sent = yield (sent, current_name())
    return "done"


async def asynchronous_generator(x: Any) -> AsyncIterator[Any]:
    sent = yield plain(x)
    while sent:
        await asyncio.sleep(0)
        sent = yield (sent, current_name())


def test_a_plain_call_is_current_while_it_runs(recorder: Recorder, wrapped: Callable[..., Any]) -> None:
    before = get_current()
    assert wrapped(plain)(1) == (1, "span")
    assert get_current() is before
    assert recorded(recorder) == [({"x": "1", "result": "(1, 'span')"}, "UNSET")]


def test_a_coroutine_stays_a_coroutine_function(recorder: Recorder, wrapped: Callable[..., Any]) -> None:
    function = wrapped(coroutine)
    assert inspect.iscoroutinefunction(function)

    async def run() -> Any:
        return await asyncio.gather(function(1), function(x=2), function("unworthy")), current_name()

    assert asyncio.run(run()) == ([(1, "span"), (2, "span"), ("unworthy", None)], None)
    assert len(recorder.take()) == 2


def test_a_generator_is_current_in_its_own_steps_only(recorder: Recorder, wrapped: Callable[..., Any]) -> None:
    function = wrapped(generator)
    assert inspect.isgeneratorfunction(generator)
    steps = function(1)
    assert recorder.spans() == []
    assert next(steps) == (1, "span")
    assert current_name() is None
    assert steps.send("more") == ("more", "span")
    with pytest.raises(StopIteration) as stopped:
        steps.send(None)
    assert stopped.value.value == "done"
    assert recorded(recorder) == [({"x": "1", "result": "done"}, "UNSET")]


def test_an_asynchronous_generator_is_current_in_its_own_steps_only(
    recorder: Recorder, wrapped: Callable[..., Any]
) -> None:
    function = wrapped(asynchronous_generator)
    assert inspect.isasyncgenfunction(function)

    async def run() -> None:
        steps = function(1)
        assert await anext(steps) == (1, "span")
        assert current_name() is None
        assert await steps.asend("more") == ("more", "span")
        with pytest.raises(StopAsyncIteration):
            await steps.asend(None)

    asyncio.run(run())
    assert recorded(recorder) == [({"x": "1", "result": "None"}, "UNSET")]


@pytest.mark.parametrize("shape", [plain, coroutine, generator, asynchronous_generator])
def test_an_exception_is_recorded_and_goes_on_unchanged(
    recorder: Recorder, wrapped: Callable[..., Any], shape: Callable[..., Any]
) -> None:
    with pytest.raises(ValueError, match="bad") as raised:
        drain(wrapped(shape)("bad"))

    assert raised.value.__context__ is None
    assert raised.traceback[-1].name == "plain"
    assert recorded(recorder) == [({"x": "bad", "error.type": "ValueError"}, "ERROR")]


@pytest.mark.parametrize("shape", [plain, coroutine, generator, asynchronous_generator])
def test_a_call_that_deserves_no_span_has_none(
    recorder: Recorder, wrapped: Callable[..., Any], shape: Callable[..., Any]
) -> None:
    assert drain(wrapped(shape)("unworthy")) == drain(shape("unworthy"))
    assert recorder.take() == []


@pytest.mark.parametrize("shape", [generator, asynchronous_generator])
def test_what_is_thrown_into_a_generator_arrives_there(
    recorder: Recorder, wrapped: Callable[..., Any], shape: Callable[..., Any]
) -> None:
    def catching(x: Any) -> Iterator[Any]:
        try:
            yield x
        except KeyError as error:
            yield f"caught {error.args[0]}"

    async def catching_asynchronously(x: Any) -> AsyncIterator[Any]:
        for step in (steps := catching(x)):
            try:
                yield step
            except KeyError as error:
                yield steps.throw(error)

    async def run() -> None:
        steps = wrapped(catching_asynchronously)(1)
        assert await anext(steps) == 1
        assert await steps.athrow(KeyError("k")) == "caught k"
        await steps.aclose()

    if shape is generator:
        steps = wrapped(catching)(1)
        assert next(steps) == 1
        assert steps.throw(KeyError("k")) == "caught k"
        steps.close()
    else:
        asyncio.run(run())
    assert [status for _, status in recorded(recorder)] == ["UNSET"]


@pytest.mark.parametrize("how", ["break", "aclose in another task", "garbage", "cancel"])
def test_a_stream_that_is_left_early_ends_once_and_quietly(
    recorder: Recorder, wrapped: Callable[..., Any], how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def endless(x: Any) -> AsyncIterator[Any]:
        while True:
            await asyncio.sleep(0)
            yield x

    async def consume(steps: AsyncIterator[Any]) -> None:
        async for _ in steps:
            await asyncio.sleep(0)

    async def run() -> None:
        steps = wrapped(endless)(1)
        await anext(steps)
        if how == "break":
            async for _ in steps:
                break
            await steps.aclose()
        elif how == "aclose in another task":
            await asyncio.create_task(steps.aclose())
        elif how == "garbage":
            del steps
            gc.collect()
            await asyncio.sleep(0.01)
        else:
            task = asyncio.create_task(consume(steps))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await steps.aclose()
        assert current_name() is None

    with caplog.at_level(logging.DEBUG):
        asyncio.run(run())
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []
    assert [status for _, status in recorded(recorder)] == ["UNSET"]


def test_a_cancelled_coroutine_is_no_error(recorder: Recorder, wrapped: Callable[..., Any]) -> None:
    async def run() -> None:
        task = asyncio.create_task(wrapped(asyncio.sleep)(10))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert [status for _, status in recorded(recorder)] == ["UNSET"]


def test_a_coroutine_closed_elsewhere_leaves_no_log_line(
    recorder: Recorder, wrapped: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def waiting(_x: Any) -> None:
        await _pause()

    started = wrapped(waiting)(1)
    contextvars.copy_context().run(started.send, None)
    contextvars.copy_context().run(started.close)
    assert caplog.records == []
    assert recorded(recorder) == [({"x": "1"}, "UNSET")]


@types.coroutine
def _pause() -> Iterator[None]:
    yield


def test_the_wrapper_looks_like_what_it_stands_for(wrapped: Callable[..., Any]) -> None:
    assert wrapped(plain).__name__ == "plain"
    assert inspect.signature(wrapped(plain)) == inspect.signature(plain)
    assert wrapped(plain).__wrapped__ is plain
    assert wrapped(len)([1]) == 1


def drain(made: Any) -> Any:
    async def items() -> list[Any]:
        return [item async for item in made]

    if inspect.iscoroutine(made):
        return asyncio.run(_awaited(made))
    if inspect.isgenerator(made):
        return list(made)
    if inspect.isasyncgen(made):
        return asyncio.run(items())
    return made


async def _awaited(made: Any) -> Any:
    return await made


# --- calls that come in, that pass something on, that outlive their return


def sent(x: Any, headers: dict[str, str] | None = None) -> Any:
    return x, headers


async def sent_later(x: Any, headers: dict[str, str] | None = None) -> Any:
    await asyncio.sleep(0)
    return x, headers


def sending(call: Call) -> SpanSpec:
    return SpanSpec("send", carrier=dict(call.arg(1, "headers") or {}))


def with_headers(call: Call, _context: Context) -> Arguments | None:
    return None if call.carrier is None else (call.args[:1], {**call.kwargs, "headers": call.carrier})


SENDERS = pytest.mark.parametrize("sender", [sent, sent_later], ids=["plain", "coroutine"])


def answered(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    answer = function(*args, **kwargs)
    return asyncio.run(answer) if inspect.iscoroutine(answer) else answer


@SENDERS
def test_prepared_arguments_carry_the_span_and_the_application_keeps_its_own(sender: Any, recorder: Recorder) -> None:
    scope = Scope(recorder.provider.get_tracer("test"))
    wrapper = traced(sending, prepare=with_headers).wrap(Target(sender, None, False), scope)
    own = {"a": "b"}
    x, headers = answered(wrapper, 1, headers=own)
    (span,) = recorder.take()
    assert (x, own) == (1, {"a": "b"})
    assert headers["a"] == "b"
    assert f"{span.context.span_id:016x}" in headers["traceparent"]


@SENDERS
@pytest.mark.parametrize("option", ["propagates", "injects"])
def test_where_nothing_is_passed_on_nothing_is_prepared(sender: Any, recorder: Recorder, option: str) -> None:
    scope = Scope(recorder.provider.get_tracer("test"), **{option: False})
    wrapper = traced(sending, prepare=boom).wrap(Target(sender, None, False), scope)
    assert answered(wrapper, 1) == (1, None)
    assert len(recorder.take()) == 1


@SENDERS
def test_preparing_that_breaks_leaves_the_arguments(
    sender: Any, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    safety._last_said.clear()
    wrapper = traced(sending, prepare=boom).wrap(
        Target(sender, None, False), Scope(recorder.provider.get_tracer("test"))
    )
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        assert [answered(wrapper, 1, {"a": "b"}) for _ in range(3)] == [(1, {"a": "b"})] * 3
    assert len(caplog.records) == 1
    assert len(recorder.take()) == 3


@SENDERS
def test_a_held_call_is_open_and_not_current_until_its_holder_ends_it(sender: Any, recorder: Recorder) -> None:
    held: list[Any] = []

    def hold(call: Call, result: Any, recording: Recording) -> Any:
        held.append((current_name(), recording, call))
        return ("held", result)

    wrapper = traced(describe, finish, hold=hold).wrap(
        Target(sender, None, False), Scope(recorder.provider.get_tracer("test"))
    )
    before = get_current()
    assert answered(wrapper, 1) == ("held", (1, None))
    assert get_current() is before
    ((name, recording, call),) = held
    assert (name, recorder.take()) == (None, [])
    recording.finish(finish, call, "over")
    recording.fail(ValueError("the second end"))
    assert recorded(recorder) == [({"x": "1", "result": "over"}, "UNSET")]


@SENDERS
def test_a_holder_that_breaks_ends_the_span_and_gives_the_result_as_it_is(sender: Any, recorder: Recorder) -> None:
    wrapper = traced(describe, hold=boom).wrap(Target(sender, None, False), Scope(recorder.provider.get_tracer("test")))
    assert answered(wrapper, 1) == (1, None)
    assert len(recorder.take()) == 1


@pytest.mark.parametrize("shape", [plain, coroutine, generator, asynchronous_generator])
def test_what_comes_in_is_the_callers_child_in_every_shape(shape: Any, recorder: Recorder) -> None:
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    hook = traced(describe, finish, incoming=lambda _call: Incoming({"traceparent": caller}, default_getter))
    wrapper = hook.wrap(Target(shape, None, False), Scope(recorder.provider.get_tracer("test")))

    async def drained() -> None:
        async for _ in wrapper(1):
            pass

    answer = asyncio.run(drained()) if inspect.isasyncgenfunction(shape) else answered(wrapper, 1)
    if inspect.isgenerator(answer):
        list(answer)
    (span,) = recorder.take()
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" in caller
    assert span.parent.is_remote


@SENDERS
def test_what_is_noted_completes_the_request_being_served(sender: Any, recorder: Recorder) -> None:
    scope = Scope(recorder.provider.get_tracer("test"))
    noting = annotate_entry_span(lambda call, _result: Outcome({"noted": str(call.arg(0, "x"))}), when="returned")
    inner = noting.wrap(Target(sender, None, False), scope)
    assert inspect.iscoroutinefunction(inner) == inspect.iscoroutinefunction(sender)

    async def serve_later(x: Any) -> Any:
        return await inner(x)

    serve = serve_later if inspect.iscoroutinefunction(sender) else lambda x: inner(x)
    hook = traced(describe, incoming=lambda _call: Incoming({}, default_getter))
    assert answered(hook.wrap(Target(serve, None, False), scope), 1) == (1, None)
    assert recorded(recorder) == [({"x": "1", "noted": "1"}, "UNSET")]
    assert answered(inner, 2) == (2, None)


@pytest.mark.parametrize("shape", [plain, coroutine, generator, asynchronous_generator])
@pytest.mark.parametrize("error", [None, "status 5"])
def test_what_an_exception_means_is_explained(shape: Any, error: str | None, recorder: Recorder) -> None:
    def explain(call: Call, raised: Exception) -> Outcome:
        return Outcome({"met": f"{call.args[0]} {raised}"}, error=error)

    hook = traced(describe, explain=explain)
    watched = hook.wrap(Target(shape, None, False), Scope(recorder.provider.get_tracer("test")))
    with pytest.raises(ValueError, match="bad"):
        drain(watched("bad"))

    [span] = recorder.take()
    attributes = dict(span.attributes or {})
    assert (attributes["met"], attributes.get("error.type")) == ("bad bad", error)
    assert span.status.status_code.name == ("ERROR" if error else "UNSET")
    assert [event.name for event in span.events] == ["exception"]


@pytest.mark.parametrize("explain", [lambda _call, _error: None, boom, lambda _call, error: Outcome(error=error)])
def test_an_exception_that_is_not_explained_is_the_failure(explain: Any, recorder: Recorder) -> None:
    hook = traced(describe, explain=explain)
    watched = hook.wrap(Target(plain, None, False), Scope(recorder.provider.get_tracer("test")))
    with pytest.raises(ValueError, match="bad"):
        watched("bad")

    [span] = recorder.take()
    assert dict(span.attributes or {})["error.type"] == "ValueError"
    assert span.status.status_code.name == "ERROR"
    assert [event.name for event in span.events] == ["exception"]


@pytest.mark.parametrize("shape", [plain, coroutine, generator, asynchronous_generator])
def test_calls_by_the_hundred_thousand_leave_nothing_behind(shape: Any) -> None:
    scope = Scope(TracerProvider(shutdown_on_exit=False).get_tracer("test"))
    wrapper = traced(describe, finish).wrap(Target(shape, None, False), scope)

    async def used(calls: int) -> None:
        for _ in range(calls):
            answer = wrapper(1)
            if inspect.isasyncgen(answer):
                async for _ in answer:
                    pass
            elif inspect.iscoroutine(answer):
                await answer
            elif inspect.isgenerator(answer):
                list(answer)

    asyncio.run(used(100))
    gc.collect()
    before = len(gc.get_objects())
    asyncio.run(used(25_000))
    gc.collect()
    assert len(gc.get_objects()) - before <= 100


class Unprintable(Exception):
    def __str__(self) -> str:
        raise AttributeError("detail")


def test_an_exception_that_cannot_be_made_text_reaches_the_caller_as_itself_and_the_span_is_an_error(
    recorder: Recorder,
) -> None:
    raised = Unprintable()

    def broken() -> None:
        raise raised

    wrapper = traced(lambda _call: SpanSpec("span")).wrap(
        Target(broken, None, False), Scope(recorder.provider.get_tracer("test"))
    )
    with pytest.raises(Unprintable) as caught:
        wrapper()
    assert caught.value is raised
    (span,) = recorder.take()
    assert span.status.description == "Unprintable: <Unprintable that cannot be made text>"
    assert str((span.attributes or {})["error.type"]).endswith("Unprintable")
