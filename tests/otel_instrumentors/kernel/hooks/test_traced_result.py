"""Spans of calls that had a result worth one."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Generator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import create_key
from opentelemetry.propagators.textmap import default_getter
from opentelemetry.trace import Link, SpanContext, SpanKind

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Incoming, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Hook, Target
from otel_instrumentors.kernel.hooks.traced_result import ResultCall, traced_result
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom, names

SENDER = {"traceparent": f"00-{7:032x}-{9:016x}-01"}


class Shop:
    def poll(self, answer: Any = None) -> Any:
        assert not trace.get_current_span().get_span_context().is_valid
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def later(self, answer: Any = None) -> Any:
        await asyncio.sleep(0)
        return self.poll(answer)

    def each(self, *answers: Any) -> Generator[Any, Any, Any]:
        for answer in answers:
            try:
                sent = yield answer
            except ValueError as error:
                sent = yield f"caught {error}"
            if sent is not None:
                yield f"sent {sent}"
        return "end"


FUNCTIONS = pytest.mark.parametrize("function", [Shop.poll, Shop.later], ids=["plain", "coroutine"])


def found(call: ResultCall) -> SpanSpec | None:
    assert isinstance(call.instance, Shop)
    if call.error is not None:
        return SpanSpec("failed")
    return None if call.result is None else SpanSpec(f"found {call.result}", SpanKind.CONSUMER)


def sender(_call: ResultCall) -> Incoming:
    return Incoming(SENDER, default_getter)


@pytest.fixture
def recorder() -> Recorder:
    safety._last_said.clear()
    return Recorder()


@pytest.fixture
def scope(recorder: Recorder) -> Scope:
    return Scope(recorder.provider.get_tracer("test"))


def hooked(function: Callable[..., Any], scope: Scope, hook: Hook | None = None) -> Callable[..., Any]:
    wrapper = (hook or traced_result(found, sender)).wrap(Target(function, Shop, True), scope)
    assert inspect.signature(wrapper) == inspect.signature(function)
    assert inspect.iscoroutinefunction(wrapper) == inspect.iscoroutinefunction(function)
    assert inspect.isgeneratorfunction(wrapper) == inspect.isgeneratorfunction(function)

    def answered(*args: Any) -> Any:
        answer = wrapper(*args)
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer

    return answered


@FUNCTIONS
def test_a_call_with_a_result_is_a_span_below_the_sender_from_its_beginning(
    function: Any, scope: Scope, recorder: Recorder
) -> None:
    assert hooked(function, scope)(Shop(), "tea") == "tea"
    assert not trace.get_current_span().get_span_context().is_valid
    [span] = recorder.take()
    assert span.name == "found tea"
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id) == (7, 9)
    assert not span.links


@FUNCTIONS
def test_a_call_without_a_result_is_no_span(function: Any, scope: Scope, recorder: Recorder) -> None:
    assert hooked(function, scope)(Shop()) is None
    assert recorder.take() == []


@FUNCTIONS
def test_a_call_that_raises_is_an_error_unless_it_is_to_end(function: Any, scope: Scope, recorder: Recorder) -> None:
    with pytest.raises(Boom):
        hooked(function, scope)(Shop(), Boom("broken"))
    [span] = recorder.take()
    assert (span.name, span.status.description) == ("failed", "Boom: broken")
    with pytest.raises(KeyboardInterrupt):
        hooked(function, scope)(Shop(), KeyboardInterrupt())
    assert recorder.take() == []


def test_each_item_of_a_generator_is_a_span_and_it_is_driven_as_without_us(scope: Scope, recorder: Recorder) -> None:
    def driven(each: Any) -> list[Any]:
        generator = each(Shop(), "a", None, "b", "c")
        seen = [next(generator), next(generator), generator.send("x"), next(generator)]
        seen.append(generator.throw(ValueError("no cup")))
        try:
            while True:
                seen.append(next(generator))
        except StopIteration as stop:
            seen.append(stop.value)
        return seen

    each = hooked(Shop.each, scope)
    assert driven(each) == driven(Shop.each)
    assert [span.name for span in recorder.take()] == [
        "found a",
        "found sent x",
        "found b",
        "found caught no cup",
        "found c",
    ]
    generator = each(Shop(), "a", "b")
    next(generator)
    with pytest.raises(KeyError):
        generator.throw(KeyError())
    closed = each(Shop(), "a", "b")
    next(closed)
    closed.close()
    assert [span.name for span in recorder.take()] == ["found a", "found a"]


def test_inside_of_a_span_it_is_below_that_and_linked_to_the_sender(scope: Scope, recorder: Recorder) -> None:
    each = hooked(Shop.each, scope)
    with recorder.provider.get_tracer("application").start_as_current_span("request") as request:
        assert list(each(Shop(), "tea")) == ["tea"]
    span, _ = recorder.take()
    assert span.parent is not None
    assert span.parent.span_id == request.get_span_context().span_id
    assert [(link.context.trace_id, link.context.span_id) for link in span.links] == [(7, 9)]


def test_what_is_not_propagated_has_neither_parent_nor_link(recorder: Recorder) -> None:
    each = hooked(Shop.each, Scope(recorder.provider.get_tracer("test"), propagates=False))
    list(each(Shop(), "tea"))
    [alone] = recorder.take()
    with recorder.provider.get_tracer("application").start_as_current_span("request"):
        list(each(Shop(), "tea"))
    inside, _ = recorder.take()
    assert (alone.parent, tuple(inside.links)) == (None, ())


def test_a_generator_that_the_application_kept_falls_silent(scope: Scope, recorder: Recorder) -> None:
    generator = hooked(Shop.each, scope)(Shop(), "a", "b")
    next(generator)
    scope.active = False
    assert list(generator) == ["b"]
    assert names(recorder.take()) == ["found a"]


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "inside of a span"])
@pytest.mark.parametrize("hook", [traced_result(boom), traced_result(found, boom)], ids=["describing", "reading"])
def test_what_breaks_of_ours_changes_nothing_and_is_said_once(
    hook: Hook, inside: bool, scope: Scope, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    each = hooked(Shop.each, scope, hook)
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        if inside:
            with recorder.provider.get_tracer("application").start_as_current_span("request"):
                assert list(each(Shop(), "a", "b")) == ["a", "b"]
        else:
            assert list(each(Shop(), "a", "b")) == ["a", "b"]
    assert len(caplog.records) == 1


OTHERS = [Link(SpanContext(1, number, is_remote=True)) for number in (2, 3)]


def others(call: ResultCall) -> list[Link]:
    assert call.result == "tea"
    return OTHERS


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "inside of a span"])
def test_senders_of_further_results_are_linked(inside: bool, scope: Scope, recorder: Recorder) -> None:
    poll = hooked(Shop.each, scope, traced_result(found, sender, links=others))
    if inside:
        with recorder.provider.get_tracer("application").start_as_current_span("request"):
            list(poll(Shop(), "tea"))
    else:
        list(poll(Shop(), "tea"))
    span = recorder.take()[0]
    assert [link.context.span_id for link in span.links] == ([9, 2, 3] if inside else [2, 3])


def test_without_propagation_nobody_is_asked_for_senders(recorder: Recorder) -> None:
    scope = Scope(recorder.provider.get_tracer("test"), propagates=False)
    hooked(Shop.poll, scope, traced_result(found, boom, links=boom, continues=True))(Shop(), "tea")
    [span] = recorder.take()
    assert (span.parent, tuple(span.links)) == (None, ())


def test_the_senders_trace_is_continued_inside_of_a_span_where_that_is_wanted(scope: Scope, recorder: Recorder) -> None:
    each = hooked(Shop.each, scope, traced_result(found, sender, continues=True))
    with recorder.provider.get_tracer("application").start_as_current_span("request"):
        list(each(Shop(), "tea"))
    span, _ = recorder.take()
    assert span.parent is not None
    assert span.parent.span_id == 9
    assert not span.links


def test_links_that_break_cost_the_links_alone(
    scope: Scope, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    assert hooked(Shop.poll, scope, traced_result(found, links=boom))(Shop(), "tea") == "tea"
    assert names(recorder.take()) == ["found tea"]
    assert "boom" in caplog.text


@FUNCTIONS
def test_what_is_learnt_of_the_result_is_on_the_span(function: Any, scope: Scope, recorder: Recorder) -> None:
    hook = traced_result(found, finish=lambda _, result: Outcome({"what": result}, error="cold"))
    hooked(function, scope, hook)(Shop(), "tea")
    [span] = recorder.take()
    assert dict(span.attributes or {}) == {"what": "tea", "error.type": "cold"}


@pytest.mark.parametrize("answer", ["tea", Boom("theirs")], ids=["returns", "raises"])
def test_a_call_below_one_that_silences_it_is_no_span(answer: Any, scope: Scope, recorder: Recorder) -> None:
    key = create_key("test.receiving")
    below = hooked(Shop.poll, scope, traced_result(found, suppressed_by=key))

    class Outer(Shop):
        def poll(self, answer: Any = None) -> Any:
            return below(self, answer)

    above = hooked(Outer.poll, scope, traced_result(found, suppressed_by=key, silences=key))
    for _ in range(2):
        if isinstance(answer, Boom):
            with pytest.raises(Boom):
                above(Outer(), answer)
        else:
            above(Outer(), answer)
    assert len(recorder.take()) == 2
    below(Shop(), "alone")
    assert names(recorder.take()) == ["found alone"]
    scope.active = False
    assert above(Outer(), "quiet") == "quiet"
    assert recorder.take() == []
