"""A layer that leaves its span to those inside, where there are any."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, create_key, detach, get_current, set_value

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Call, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Hook, Target
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.hooks.traced_unless_below import traced_unless_below
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom

KEY = create_key("test.work")


def outer(_call: Call) -> SpanSpec:
    return SpanSpec("outer")


def inner(_call: Call) -> SpanSpec:
    return SpanSpec("inner", claims=KEY)


def counted(_call: Call, result: Any) -> Outcome:
    return Outcome({"result": result})


@pytest.fixture
def recorder() -> Recorder:
    safety._last_said.clear()
    return Recorder()


def hooked(hook: Hook, function: Callable[..., Any], recorder: Recorder) -> Callable[..., Any]:
    scope = Scope(recorder.provider.get_tracer("test"))
    return hook.wrap(Target(function, None, False), scope)


def layer(function: Callable[..., Any], recorder: Recorder) -> Callable[..., Any]:
    return hooked(traced_unless_below(outer, counted, claim=KEY), function, recorder)


def test_where_nothing_inside_is_traced_the_layer_makes_the_span_of_the_whole_call(recorder: Recorder) -> None:
    def work() -> int:
        time.sleep(0.01)
        return 7

    assert layer(work, recorder)() == 7
    (span,) = recorder.take()
    assert (span.name, dict(span.attributes or {})) == ("outer", {"result": 7})
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time >= 10_000_000


def test_where_a_span_inside_takes_its_place_there_is_that_one_alone_and_others_stay(recorder: Recorder) -> None:
    driver = hooked(traced(inner), lambda: 7, recorder)
    other = hooked(traced(lambda _: SpanSpec("other")), lambda: 7, recorder)

    assert layer(lambda: driver() + driver(), recorder)() == 14
    assert [span.name for span in recorder.take()] == ["inner", "inner"]
    assert layer(lambda: other(), recorder)() == 7
    assert [span.name for span in recorder.take()] == ["other", "outer"]


def test_a_layer_inside_a_layer_is_silent_where_one_inside_both_is_traced(recorder: Recorder) -> None:
    middle = hooked(traced_unless_below(inner, claim=KEY), lambda: 7, recorder)
    assert layer(lambda: middle(), recorder)() == 7
    assert [span.name for span in recorder.take()] == ["inner"]


def test_a_span_is_the_child_of_what_is_current_around_the_call_and_context_goes_back(recorder: Recorder) -> None:
    before = get_current()
    with recorder.provider.get_tracer("application").start_as_current_span("around"):
        layer(lambda: 7, recorder)()
    span, around = recorder.take()
    assert span.parent == around.context
    assert get_current() == before


@pytest.mark.parametrize("inside", ["nothing", "a span"])
def test_an_exception_reaches_the_caller_and_the_one_span(recorder: Recorder, inside: str) -> None:
    function = hooked(traced(inner), boom, recorder) if inside == "a span" else boom
    before = get_current()
    with pytest.raises(Boom):
        layer(function, recorder)()
    (span,) = recorder.take()
    assert (span.name, span.status.is_ok, len(span.events)) == ("inner" if inside == "a span" else "outer", False, 1)
    assert get_current() == before


def test_suppressed_or_uninstrumented_there_is_no_span(recorder: Recorder) -> None:
    scope = Scope(recorder.provider.get_tracer("test"))
    function = traced_unless_below(outer, claim=KEY).wrap(Target(lambda: 7, None, False), scope)
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    assert function() == 7
    detach(token)
    scope.active = False
    assert function() == 7
    assert recorder.take() == []


@pytest.mark.parametrize("part", ["describing", "finishing"])
def test_what_breaks_on_our_side_is_said_and_the_call_goes_on(
    recorder: Recorder, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    hook = traced_unless_below(boom, claim=KEY) if part == "describing" else traced_unless_below(outer, boom, claim=KEY)
    assert hooked(hook, lambda: 7, recorder)() == 7
    assert len(caplog.records) == 1


@pytest.mark.parametrize("known", [lambda call: {"order": call.arg(0, "order")}, boom])
def test_what_the_layer_knows_is_on_the_span_that_takes_its_place(known: Any, recorder: Recorder) -> None:
    work = hooked(traced(inner), lambda order: order, recorder)
    layer = hooked(traced_unless_below(outer, claim=KEY, known=known), work, recorder)

    assert layer("tea") == "tea"
    (span,) = recorder.take()
    assert (span.name, dict(span.attributes or {})) == ("inner", {} if known is boom else {"order": "tea"})
