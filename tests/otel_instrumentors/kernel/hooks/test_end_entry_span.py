"""Requests that are over before their handler is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.trace import get_current_span

from otel_instrumentors.kernel.call import Call, Incoming, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Hook, Target
from otel_instrumentors.kernel.hooks.end_entry_span import end_entry_span
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom


class Headers:
    def get(self, carrier: Any, key: str) -> None:
        return None

    def keys(self, carrier: Any) -> list[str]:
        return []


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def scope(recorder: Recorder) -> Scope:
    return Scope(recorder.provider.get_tracer("test"))


@contextmanager
def request(scope: Scope) -> Iterator[Any]:
    """A request that is served; whatever leaves it is recorded."""
    recording = scope.open(
        lambda call: SpanSpec("request"), Call(None, (), {}), None, lambda call: Incoming({}, Headers())
    )
    assert recording is not None
    recording.enter()
    try:
        yield recording
    except Boom as error:
        recording.fail(error)
    recording.finish(lambda call, result: Outcome({"late": True}), Call(None, (), {}), None)


def said(call: Call) -> Outcome:
    return Outcome({"said": call.arg(0, "what", "")})


def hooked(hook: Hook, function: Any, scope: Scope) -> Any:
    return hook.wrap(Target(function, None, is_method=False), scope)


def answer(what: str = "") -> str:
    return f"{what} {get_current_span().is_recording()}"


async def answer_later(what: str = "") -> str:
    await asyncio.sleep(0)
    return answer(what)


async def boom_later(what: str = "") -> str:
    raise Boom("broken on purpose")


def test_when_it_has_returned_the_request_is_over_and_its_span_no_longer_current(
    recorder: Recorder, scope: Scope
) -> None:
    hook = end_entry_span(said, when="returned")
    with request(scope):
        assert hooked(hook, answer, scope)("tea") == "tea True"
        assert len(recorder.spans()) == 1
        assert not get_current_span().is_recording()
        assert hooked(hook, answer, scope)("more") == "more False"
    assert [dict(span.attributes or {}) for span in recorder.spans()] == [{"said": "tea"}]


def test_a_coroutine_is_over_when_it_is_done(recorder: Recorder, scope: Scope) -> None:
    async def main() -> None:
        with request(scope):
            coroutine = hooked(end_entry_span(said, when="returned"), answer_later, scope)("tea")
            assert recorder.spans() == []
            assert await coroutine == "tea True"
            assert len(recorder.spans()) == 1

    asyncio.run(main())
    assert [dict(span.attributes or {}) for span in recorder.spans()] == [{"said": "tea"}]


def test_another_task_may_end_it(recorder: Recorder, scope: Scope, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with request(scope):
            await asyncio.create_task(hooked(end_entry_span(said, when="returned"), answer_later, scope)("tea"))

    with caplog.at_level(logging.DEBUG, "opentelemetry"):
        asyncio.run(main())
    assert len(recorder.spans()) == 1
    assert caplog.records == []


@pytest.mark.parametrize("function", [boom, boom_later])
def test_where_it_raises_the_request_is_over_told_by_what_was_known_before(
    recorder: Recorder, scope: Scope, function: Any
) -> None:
    def serve() -> None:
        with request(scope):
            result = hooked(end_entry_span(said, when="raised"), function, scope)("tea")
            if result is not None:
                result.send(None)

    serve()
    (span,) = recorder.spans()
    assert dict(span.attributes or {}) == {"said": "tea"}
    assert span.status.is_unset


@pytest.mark.parametrize(("when", "function"), [("raised", answer), ("returned", boom)])
def test_otherwise_the_request_goes_on(recorder: Recorder, scope: Scope, when: Any, function: Any) -> None:
    with request(scope):
        hooked(end_entry_span(said, when=when), function, scope)("tea")
    (span,) = recorder.spans()
    assert set(span.attributes or {}) == ({"said", "late"} if when == "raised" else {"error.type"})


def test_without_a_request_or_scope_it_is_the_function(recorder: Recorder, scope: Scope) -> None:
    hook = end_entry_span(boom, when="returned")
    assert hooked(hook, answer, scope)("tea") == "tea False"
    assert asyncio.run(hooked(hook, answer_later, scope)("tea")) == "tea False"
    with request(scope):
        scope.active = False
        assert hooked(hook, answer, scope)("tea") == "tea True"
        assert recorder.spans() == []


def test_what_breaks_while_describing_ends_it_all_the_same(
    recorder: Recorder, scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    with request(scope):
        assert hooked(end_entry_span(boom, when="returned"), answer, scope)() == " True"
    assert len(recorder.spans()) == 1
