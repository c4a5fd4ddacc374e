"""What is learnt of the request being served after its span has started."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from opentelemetry.propagators.textmap import default_getter

from otel_instrumentors.kernel.call import Call, Incoming, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.annotate_entry_span import annotate_entry_span
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom


class Waiter:
    def answer(self, order: str) -> str:
        return f"{order}!"

    async def answer_later(self, order: str) -> str:
        await asyncio.sleep(0)
        return f"{order}!"


KINDS = pytest.mark.parametrize("function", [Waiter.answer, Waiter.answer_later], ids=["plain", "coroutine"])


def told(call: Call, answer: str) -> Outcome:
    return Outcome({"order": call.arg(0, "order"), "answer": answer})


def served(describe: Any, function: Any, recorder: Recorder, silent: bool = False, when: Any = "left") -> str:
    """The answer of a hooked waiter inside of a request."""
    scope = Scope(recorder.provider.get_tracer("test"))
    wrapper = annotate_entry_span(describe, when=when).wrap(Target(function, Waiter, True), scope)
    assert inspect.iscoroutinefunction(wrapper) is inspect.iscoroutinefunction(function)
    scope.active = not silent

    def request() -> Any:
        answer = wrapper(Waiter(), "tea")
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer

    entry = traced(lambda _call: SpanSpec("request"), incoming=lambda _call: Incoming({}, default_getter))
    live = Scope(recorder.provider.get_tracer("test"))
    result: str = entry.wrap(Target(request, None, False), live)()
    return result


@KINDS
def test_the_request_learns_of_the_call_and_its_answer(function: Any) -> None:
    recorder = Recorder()
    assert served(told, function, recorder) == "tea!"
    (span,) = recorder.take()
    assert dict(span.attributes or {}) == {"order": "tea", "answer": "tea!"}


@KINDS
@pytest.mark.parametrize(("describe", "silent"), [(boom, False), (told, True)])
def test_nothing_is_learnt_where_describing_breaks_or_hooks_are_gone(
    function: Any, describe: Any, silent: bool
) -> None:
    recorder = Recorder()
    assert served(describe, function, recorder, silent) == "tea!"
    (span,) = recorder.take()
    assert dict(span.attributes or {}) == {}


@pytest.mark.parametrize("is_coroutine", [False, True])
def test_where_there_is_no_answer_the_request_learns_of_that(is_coroutine: bool) -> None:
    async def boom_later(*_args: Any) -> None:
        boom()

    recorder = Recorder()
    with pytest.raises(Boom):
        served(lambda _call, answer: Outcome({"answer": str(answer)}), boom_later if is_coroutine else boom, recorder)
    (span,) = recorder.take()
    assert (span.attributes or {})["answer"] == "None"


def test_several_are_heard_where_one_breaks() -> None:
    recorder = Recorder()
    scope = Scope(recorder.provider.get_tracer("test"))
    wrapper = annotate_entry_span(boom, told, when="left").wrap(Target(Waiter.answer, Waiter, True), scope)
    entry = traced(lambda _call: SpanSpec("request"), incoming=lambda _call: Incoming({}, default_getter))
    entry.wrap(Target(lambda: wrapper(Waiter(), "tea"), None, False), scope)()
    (span,) = recorder.take()
    assert dict(span.attributes or {}) == {"order": "tea", "answer": "tea!"}


def test_outside_of_a_request_nobody_learns() -> None:
    recorder = Recorder()
    scope = Scope(recorder.provider.get_tracer("test"))
    assert (
        annotate_entry_span(told, when="left").wrap(Target(Waiter.answer, Waiter, True), scope)(Waiter(), "tea")
        == "tea!"
    )
    assert recorder.take() == []


@KINDS
def test_when_called_it_learns_of_the_call_alone_and_before_it(function: Any) -> None:
    recorder = Recorder()
    seen = []

    def ordered(call: Call) -> Outcome:
        seen.append(call.arg(0, "order"))
        return Outcome({"order": call.arg(0, "order")})

    assert served(ordered, function, recorder, when="called") == "tea!"
    (span,) = recorder.take()
    assert (dict(span.attributes or {}), seen) == ({"order": "tea"}, ["tea"])


@pytest.mark.parametrize("when", ["called", "returned"])
def test_a_call_that_raises_has_not_returned(when: Any) -> None:
    recorder = Recorder()
    with pytest.raises(Boom):
        served(lambda *subject: Outcome({"told": len(subject)}), boom, recorder, when=when)
    (span,) = recorder.take()
    assert (span.attributes or {}).get("told") == (1 if when == "called" else None)
