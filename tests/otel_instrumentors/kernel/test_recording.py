"""What becomes of a span between its start and its end."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from opentelemetry.trace import set_span_in_context

from otel_instrumentors.kernel.call import Outcome
from otel_instrumentors.kernel.recording import Recording
from tests.otel_instrumentors.contract import Recorder


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def opened(recorder: Recorder) -> Recording:
    span = recorder.provider.get_tracer("test").start_span("request")
    return Recording(span, set_span_in_context(span))


def ended(recorder: Recorder, recording: Recording) -> Any:
    recording.end()
    (span,) = recorder.take()
    return span


def test_a_failed_answer_is_told_by_the_exception_that_it_answers(recorder: Recorder) -> None:
    recording = opened(recorder)
    recording.learn(lambda: Outcome(cause=ValueError("no tea")))
    recording.learn(lambda: Outcome({"http.response.status_code": 503}, error="503"))

    span = ended(recorder, recording)
    assert span.attributes["error.type"] == "ValueError"
    assert span.status.description == "ValueError: no tea"
    assert [event.attributes["exception.message"] for event in span.events] == ["no tea"]


def test_an_exception_that_is_answered_well_leaves_nothing_on_the_span(recorder: Recorder) -> None:
    recording = opened(recorder)
    recording.learn(lambda: Outcome(cause=ValueError("no tea")))
    recording.learn(lambda: Outcome({"http.response.status_code": 404}))

    span = ended(recorder, recording)
    assert span.status.is_unset
    assert (span.events, dict(span.attributes)) == ((), {"http.response.status_code": 404})


def test_of_several_exceptions_the_last_that_was_to_be_answered_tells(recorder: Recorder) -> None:
    recording = opened(recorder)
    for error in (ValueError("no tea"), KeyError("pot")):
        recording.learn(lambda error=error: Outcome(cause=error))
    recording.learn(lambda: Outcome(error="500"))

    assert ended(recorder, recording).attributes["error.type"] == "KeyError"


def test_an_exception_that_leaves_tells_of_itself(recorder: Recorder) -> None:
    recording = opened(recorder)
    recording.learn(lambda: Outcome(cause=ValueError("no tea")))
    recording.fail(KeyError("pot"))

    assert ended(recorder, recording).attributes["error.type"] == "KeyError"


def test_an_exception_is_not_held_beyond_the_answer_or_the_end(recorder: Recorder) -> None:
    class Held(Exception):
        """An exception that can be watched."""

    for how in (lambda: Outcome(error="500"), lambda: None):
        error = Held()
        gone = weakref.ref(error)
        recording = opened(recorder)
        recording.learn(lambda error=error: Outcome(cause=error))
        recording.learn(how)
        recording.end()
        del error, how
        gc.collect()
        assert gone() is None
        assert recording.ended
