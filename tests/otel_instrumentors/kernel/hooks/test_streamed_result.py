"""Results that are read piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace

from otel_instrumentors.kernel.call import Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.streamed_result import streamed_result
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder


def pieces(count: int) -> Iterator[str | None]:
    for _ in range(count):
        yield getattr(trace.get_current_span(), "name", None)
    if count > 2:
        raise ValueError(count)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def watched(recorder: Recorder) -> Callable[..., Any]:
    hook = traced(
        lambda call: SpanSpec("stream"),
        hold=streamed_result(
            lambda call, result: Outcome({"read": call.args[0]}), lambda call, error: Outcome(error="late")
        ),
    )

    def stream(count: Any) -> Any:
        return pieces(count) if isinstance(count, int) else count

    return hook.wrap(Target(stream, None, False), Scope(recorder.provider.get_tracer("test")))


def told(recorder: Recorder) -> list[dict[str, Any]]:
    return [dict(span.attributes or {}) for span in recorder.take()]


def test_the_span_is_current_in_each_step_and_ends_with_the_last(
    recorder: Recorder, watched: Callable[..., Any]
) -> None:
    result = watched(2)
    assert next(result) == "stream"
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert recorder.take() == []
    assert list(result) == ["stream"]
    assert told(recorder) == [{"read": 2}]


def test_an_exception_on_the_way_is_explained_and_raised(recorder: Recorder, watched: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="3"):
        list(watched(3))
    assert told(recorder) == [{"error.type": "late"}]


def test_a_stream_that_is_left_early_is_closed_and_ends_once(recorder: Recorder, watched: Callable[..., Any]) -> None:
    result = watched(2)
    next(result)
    result.close()
    assert told(recorder) == [{}]


def test_what_is_no_iterator_is_given_back_as_it_is(recorder: Recorder, watched: Callable[..., Any]) -> None:
    result = ["a"]
    assert watched(result) is result
    assert told(recorder) == [{"read": ("a",)}]
