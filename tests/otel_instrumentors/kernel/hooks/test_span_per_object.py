"""Requests that an object of their own serves."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from concurrent.futures import Future
from typing import Any

import pytest
from opentelemetry.trace import get_current_span

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Call, Incoming, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.span_per_object import SpanPerObject
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom


class Headers:
    def get(self, carrier: Any, key: str) -> None:
        return None

    def keys(self, carrier: Any) -> list[str]:
        return []


def served(call: Call) -> SpanSpec:
    return SpanSpec("request")


def incoming(call: Call) -> Incoming:
    return Incoming({}, Headers())


def is_over(call: Call) -> bool:
    return bool(call.instance.is_finished)


def said(call: Call) -> Outcome:
    return Outcome({f"said.{call.arg(0, 'what', 'nothing')}": True})


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def handler(recorder: Recorder) -> type[Any]:
    """A handler class of a framework, watched."""
    requests, scope = SpanPerObject(), Scope(recorder.provider.get_tracer("test"))

    def hooked(hook: Any) -> Any:
        return lambda function: hook.wrap(Target(function, None, is_method=True), scope)

    class Handler:
        is_finished = False
        watched_by = scope

        @hooked(requests.start(served, incoming, is_over))
        async def serve(self, work: Any) -> Any:
            return await work(self)

        @hooked(requests.start(served, incoming, is_over))
        def serve_at_once(self, work: Any) -> Any:
            return work(self)

        @hooked(requests.annotate(said))
        def note(self, what: str) -> str:
            return what

        @hooked(requests.end(said))
        def finish(self, what: str) -> str:
            self.is_finished = True
            return what

        @hooked(requests.end(if_idle=True))
        def leave(self) -> None:
            pass

    return Handler


def is_recording() -> bool:
    return get_current_span().is_recording()


def told(recorder: Recorder) -> list[dict[str, Any]]:
    return [dict(span.attributes or {}) for span in recorder.take()]


def test_the_span_is_current_while_the_handler_serves_and_ends_when_it_finishes(
    recorder: Recorder, handler: type[Any]
) -> None:
    async def work(self: Any) -> bool:
        await asyncio.sleep(0)
        assert is_recording()
        self.note("a")
        assert recorder.spans() == []
        self.finish("b")
        assert len(recorder.spans()) == 1
        return is_recording()

    assert asyncio.run(handler().serve(work)) is False
    assert told(recorder) == [{"said.a": True, "said.b": True}]


def test_a_request_that_is_over_ends_with_its_method(recorder: Recorder, handler: type[Any]) -> None:
    async def work(self: Any) -> None:
        self.is_finished = True

    asyncio.run(handler().serve(work))
    assert told(recorder) == [{}]


def test_one_that_waits_is_open_until_another_requests_code_finishes_it(
    recorder: Recorder, handler: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = handler(), handler()

    async def wait(self: Any) -> None:
        self.note("waits")

    async def answer(self: Any) -> None:
        first.finish("first")
        assert is_recording()
        self.finish("second")

    async def main() -> None:
        await asyncio.create_task(first.serve(wait))
        assert recorder.spans() == []
        await asyncio.create_task(second.serve(answer))

    with caplog.at_level(logging.DEBUG, "opentelemetry"):
        asyncio.run(main())
    assert told(recorder) == [{"said.waits": True, "said.first": True}, {"said.second": True}]
    assert caplog.records == []


def test_one_that_waits_ends_when_its_client_leaves_and_one_that_is_at_work_does_not(
    recorder: Recorder, handler: type[Any]
) -> None:
    async def work(self: Any) -> None:
        self.leave()
        assert recorder.spans() == []

    waiting = handler()
    asyncio.run(waiting.serve(work))
    assert recorder.spans() == []
    waiting.leave()
    waiting.leave()
    assert told(recorder) == [{}]


def test_a_plain_method_is_done_when_the_future_is_that_it_returned(recorder: Recorder, handler: type[Any]) -> None:
    future: Future[None] = Future()

    def work(self: Any) -> Future[None]:
        assert is_recording()
        return future

    asked = handler()
    assert asked.serve_at_once(work) is future
    assert not is_recording()
    asked.is_finished = True
    assert recorder.spans() == []
    future.set_result(None)
    assert told(recorder) == [{}]

    def finish(self: Any) -> str:
        self.is_finished = True
        return "done"

    assert handler().serve_at_once(finish) == "done"
    assert told(recorder) == [{}]


@pytest.mark.parametrize("is_plain", [True, False])
def test_what_the_handler_raises_is_recorded_and_raised(recorder: Recorder, handler: type[Any], is_plain: bool) -> None:
    async def work(self: Any) -> None:
        raise Boom("theirs")

    asked = handler()
    serve = (lambda: asked.serve_at_once(boom)) if is_plain else (lambda: asyncio.run(asked.serve(work)))
    with pytest.raises(Boom):
        serve()
    (span,) = recorder.take()
    assert not span.status.is_unset


def test_a_handler_that_is_given_up_is_forgotten(recorder: Recorder, handler: type[Any]) -> None:
    asyncio.run(handler().serve(lambda self: asyncio.sleep(0)))
    gc.collect()
    assert [each for each in gc.get_objects() if type(each) is handler] == []
    assert recorder.spans() == []


@pytest.mark.parametrize("finishes", [True, False])
def test_a_handler_that_failed_is_freed_like_any_other(handler: type[Any], finishes: bool) -> None:
    """The exception's traceback holds the handler; what is kept of the request must not hold the exception."""

    async def work(self: Any) -> None:
        raise Boom("broken on purpose")

    async def serve() -> None:
        asked = handler()
        with contextlib.suppress(Boom):
            await asked.serve(work)
        if finishes:
            asked.finish("b")

    for _ in range(20):
        asyncio.run(serve())
    gc.collect()
    assert [each for each in gc.get_objects() if type(each) is handler] == []


def test_without_a_span_the_methods_are_their_own(recorder: Recorder, handler: type[Any]) -> None:
    handler.watched_by.active = False
    asked = handler()
    assert asyncio.run(asked.serve(lambda self: asyncio.sleep(0, "done"))) == "done"
    assert asked.serve_at_once(lambda self: "done") == "done"
    assert (asked.note("a"), asked.finish("b"), asked.leave()) == ("a", "b", None)
    assert recorder.spans() == []


def test_an_object_that_cannot_be_kept_is_served_without_a_span_of_ours_that_lasts(
    recorder: Recorder, handler: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(handler):  # type: ignore[misc, valid-type]
        __hash__ = None  # type: ignore[assignment]

    safety._last_said.clear()
    odd = Odd()
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        assert odd.serve_at_once(lambda self: self.finish("b")) == "b"
    assert len(caplog.records) == 1
    assert told(recorder) == [{}]


def test_what_breaks_while_asking_whether_it_is_over_ends_it(recorder: Recorder) -> None:
    scope = Scope(recorder.provider.get_tracer("test"))

    class Handler:
        pass

    serve = SpanPerObject().start(served, incoming, boom).wrap(Target(lambda self: "done", None, is_method=True), scope)
    assert serve(Handler()) == "done"
    assert told(recorder) == [{}]
