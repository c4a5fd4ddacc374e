"""Requests and responses of one connection."""

from __future__ import annotations

import gc
import logging
from typing import Any

import pytest
from opentelemetry.context import create_key, set_value
from opentelemetry.trace import get_current_span

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Call, Outcome, SpanSpec
from otel_instrumentors.kernel.current import attach, detach, get_current
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.span_per_exchange import SpanPerExchange
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom

SUPPRESSED = create_key("suppressed")


def described(call: Call) -> SpanSpec | None:
    return None if call.arg(0, "what") == "nothing" else SpanSpec("request")


def answered(call: Call, response: Any) -> Outcome:
    return Outcome({"parts": len(response.parts)})


def is_read(response: Any) -> bool:
    return not response.parts


class Library:
    """A client library, watched: `connection()` makes one of its connections."""

    def __init__(self, recorder: Recorder, is_read: Any = is_read, finish: Any = answered) -> None:
        exchanges, scope = SpanPerExchange(is_read), Scope(recorder.provider.get_tracer("test"))
        self.scope = scope

        def hooked(hook: Any) -> Any:
            return lambda function: hook.wrap(Target(function, None, is_method=True), scope)

        class Response:
            def __init__(self, parts: list[Any]) -> None:
                self.parts = parts

            @hooked(exchanges.read())
            def read(self) -> Any:
                part = self.parts.pop(0)
                if isinstance(part, Exception):
                    raise part
                return part

            @hooked(exchanges.close())
            def close(self) -> None:
                self.parts = []

        class Connection:
            @hooked(exchanges.begin(described, suppressed_by=SUPPRESSED))
            def request(self, what: str = "tea", *more: Any) -> Any:
                for each in more:
                    self.send(each)
                if what == "given up":
                    self.close()
                return get_current_span().is_recording()

            @hooked(exchanges.send())
            def send(self, what: Any) -> None:
                if isinstance(what, Exception):
                    raise what

            @hooked(exchanges.answer(answered if finish is None else finish))
            def response(self, *parts: Any, closes: bool = False) -> Any:
                if closes:
                    self.close()
                if parts and isinstance(parts[0], BaseException):
                    raise parts[0]
                return Response([*parts])

            @hooked(exchanges.close())
            def close(self) -> str:
                return "closed"

        self.connection = Connection


@pytest.fixture
def recorder() -> Recorder:
    safety._last_said.clear()
    return Recorder()


def told(recorder: Recorder) -> list[dict[str, Any]]:
    return [dict(span.attributes or {}) for span in recorder.take()]


def test_the_span_begins_with_the_request_and_ends_with_the_last_piece_of_the_response(recorder: Recorder) -> None:
    connection = Library(recorder).connection()
    assert connection.request() is True, "current while the request is sent"
    assert not get_current_span().is_recording()
    connection.send("more")
    response = connection.response("a", "b")
    assert [response.read(), len(recorder.spans()), response.read(), len(recorder.spans())] == ["a", 0, "b", 1]
    assert told(recorder) == [{"parts": 2}]


def test_a_response_without_anything_to_read_ends_it_at_once(recorder: Recorder) -> None:
    connection = Library(recorder).connection()
    connection.request()
    assert connection.response().parts == []
    assert told(recorder) == [{"parts": 0}]


def test_a_connection_that_closes_itself_leaves_the_span_to_the_response(recorder: Recorder) -> None:
    connection = Library(recorder).connection()
    connection.request()
    response = connection.response("a", closes=True)
    assert recorder.spans() == []
    response.close()
    assert told(recorder) == [{"parts": 1}]


def test_a_connection_is_used_again_while_the_last_response_is_still_read(recorder: Recorder) -> None:
    connection = Library(recorder).connection()
    connection.request()
    first = connection.response("a")
    connection.request()
    first.read()
    second = connection.response("b", "c")
    second.close()
    assert told(recorder) == [{"parts": 1}, {"parts": 2}]


def test_closing_a_connection_ends_the_span_of_a_request_that_nobody_waits_for(recorder: Recorder) -> None:
    connection = Library(recorder).connection()
    connection.request()
    assert connection.close() == "closed"
    assert told(recorder) == [{}]
    connection.close()
    assert told(recorder) == []


def test_a_connection_that_is_given_up_while_it_sends_gives_back_the_context(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    connection = Library(recorder).connection()
    before = get_current()
    # As http.client closes one whose tunnel is refused.
    assert connection.request("given up") is False, "current no longer"
    assert get_current() is before
    assert told(recorder) == [{}]
    assert caplog.messages == []


@pytest.mark.parametrize("where", ["request", "sending", "response", "reading"])
def test_what_breaks_on_their_side_is_the_spans_failure_wherever_it_does(recorder: Recorder, where: str) -> None:
    connection, error = Library(recorder).connection(), Boom("theirs")

    def exchange() -> None:
        connection.request("tea", *([error] if where == "request" else []))
        if where == "sending":
            connection.send(error)
        connection.response(*([error] if where == "response" else ["a", error])).read()
        response.read()

    connection.request()
    response = connection.response("a", error)
    if where == "reading":
        response.read()
    with pytest.raises(Boom) as raised:
        response.read() if where == "reading" else exchange()
    assert raised.value is error
    response.close()
    (failed,) = [span for span in recorder.take() if not span.status.is_ok and span.events]
    assert dict(failed.attributes or {})["error.type"].endswith("Boom")
    connection.request()
    connection.response().close()
    assert told(recorder) == [{"parts": 0}], "nothing of it is left"


@pytest.mark.parametrize("which", ["connection", "response"])
def test_what_is_forgotten_ends_its_span(recorder: Recorder, which: str) -> None:
    connection = Library(recorder).connection()
    connection.request()
    kept: Any = connection
    if which == "response":
        kept = connection.response("a")
    del connection, kept
    gc.collect()
    assert len(recorder.take()) == 1


def test_a_second_request_before_the_response_ends_the_first_ones_span(recorder: Recorder) -> None:
    connection = Library(recorder).connection()
    connection.request()
    connection.request()
    assert len(recorder.take()) == 1
    connection.response()
    assert told(recorder) == [{"parts": 0}]


def test_suppressed_or_not_described_or_uninstrumented_there_is_no_span(recorder: Recorder) -> None:
    library = Library(recorder)
    connection = library.connection()
    token = attach(set_value(SUPPRESSED, True))
    try:
        assert connection.request() is False
    finally:
        detach(token)
    connection.response("a").read()
    connection.request("nothing")
    connection.response("a").read()
    library.scope.active = False
    connection.request()
    connection.response("a").read()
    assert recorder.take() == []


@pytest.mark.parametrize("part", ["is_read", "finish"])
def test_what_breaks_on_our_side_ends_the_span_and_is_said_once(
    recorder: Recorder, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken: dict[str, Any] = {part: boom}
    connection = Library(recorder, **broken).connection()
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        for _ in range(3):
            connection.request()
            assert connection.response("a").read() == "a"
    assert len(caplog.records) == 1
    assert len(recorder.take()) == 3


def test_a_connection_that_cannot_be_remembered_has_its_span_all_the_same(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    library = Library(recorder)

    class Equal(library.connection):  # type: ignore[misc,name-defined]
        __hash__ = None  # type: ignore[assignment]

    connection = Equal()
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        connection.request()
        assert connection.response("a").read() == "a"
        assert connection.close() == "closed"
    assert len(recorder.take()) == 1
    assert len(caplog.records) == 1
