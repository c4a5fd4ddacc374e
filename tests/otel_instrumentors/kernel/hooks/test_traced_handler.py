"""Handlers of the application's, which a framework calls."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace

from otel_instrumentors.kernel.call import Call, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Hook, Target
from otel_instrumentors.kernel.hooks.traced_handler import traced_handler
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom


class NotFound(Exception):
    pass


def plain(order: str) -> Any:
    return order, trace.get_current_span().get_span_context().is_valid


async def coroutine(order: str) -> Any:
    await asyncio.sleep(0)
    return plain(order)


def returning(order: str) -> Any:
    """A coroutine, by a function that does not look like one."""
    return coroutine(order)


class Callable_:
    def __call__(self, order: str) -> Any:
        return coroutine(order)


HANDLERS = pytest.mark.parametrize(
    "function",
    [plain, coroutine, returning, Callable_(), functools.partial(returning)],
    ids=lambda made: str(made)[:12],
)


def served(call: Call) -> SpanSpec:
    return SpanSpec("served", attributes={"order": call.arg(0, "order")})


def answered(_call: Call, result: Any) -> Outcome:
    return Outcome({"inside": result[1]})


def is_answer(error: Exception) -> bool:
    return isinstance(error, NotFound)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def scope(recorder: Recorder) -> Scope:
    return Scope(recorder.provider.get_tracer("test"))


def hooked(hook: Hook, function: Any, scope: Scope) -> Any:
    return hook.wrap(Target(function, None, False), scope)


def result(answer: Any) -> Any:
    async def waited() -> Any:
        before = trace.get_current_span()
        result = await answer
        assert trace.get_current_span() is before
        return result

    return asyncio.run(waited()) if inspect.iscoroutine(answer) else answer


@HANDLERS
def test_the_span_lasts_until_the_handler_has_answered(function: Any, recorder: Recorder, scope: Scope) -> None:
    wrapper = hooked(traced_handler(served, answered), function, scope)
    assert inspect.iscoroutinefunction(wrapper) is inspect.iscoroutinefunction(function)
    answer = wrapper("tea")
    assert len(recorder.spans()) == (not inspect.iscoroutine(answer))
    assert result(answer) == ("tea", True)
    (span,) = recorder.take()
    assert dict(span.attributes or {}) == {"order": "tea", "inside": True}


@HANDLERS
def test_without_a_span_the_answer_is_the_same(function: Any, recorder: Recorder, scope: Scope) -> None:
    assert result(hooked(traced_handler(lambda _call: None), function, scope)("tea")) == ("tea", False)
    wrapper = hooked(traced_handler(served), function, scope)
    scope.active = False
    assert result(wrapper("tea")) == ("tea", False)
    assert recorder.take() == []


@pytest.mark.parametrize("is_coroutine", [False, True])
@pytest.mark.parametrize(
    ("error", "is_failure"), [(NotFound(), False), (ValueError(), True), (KeyboardInterrupt(), False)]
)
def test_an_exception_that_is_an_answer_is_no_failure(
    error: BaseException, is_failure: bool, is_coroutine: bool, recorder: Recorder, scope: Scope
) -> None:
    def raising() -> None:
        raise error

    async def raising_later() -> None:
        raise error

    function: Callable[[], Any] = raising_later if is_coroutine else raising
    wrapper = hooked(traced_handler(lambda _call: SpanSpec("served"), answers=is_answer), function, scope)
    with pytest.raises(type(error)) as raised:
        result(wrapper())
    assert raised.value is error
    (span,) = recorder.take()
    assert span.status.is_unset is not is_failure


def test_an_exception_is_a_failure_where_our_asking_breaks(recorder: Recorder, scope: Scope) -> None:
    with pytest.raises(Boom):
        hooked(traced_handler(lambda _call: SpanSpec("served"), answers=boom), boom, scope)()
    (span,) = recorder.take()
    assert not span.status.is_unset


def test_a_coroutine_that_is_closed_ends_its_span(recorder: Recorder, scope: Scope) -> None:
    answer = hooked(traced_handler(served), returning, scope)("tea")
    answer.send(None)
    answer.close()
    (span,) = recorder.take()
    assert span.status.is_unset
