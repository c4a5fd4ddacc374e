"""Hooks of futures: what is asked here is answered there."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.trace import get_current_span

from otel_instrumentors.kernel.call import Call, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.span_per_answer import SpanPerAnswer
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, boom


class Future:
    def __init__(self, question: str) -> None:
        self.question = question
        self.handed_on: list[Any] = []

    def ask_again(self, question: str) -> str:
        if question == "broken":
            raise Boom("cannot ask")
        return f"asked {question}"

    def answer(self, value: Any) -> None:
        self.handed_on.append(value)

    def fail(self, error: BaseException) -> None:
        self.handed_on.append(error)


def ask(question: str) -> Future:
    if question == "broken":
        raise Boom("cannot ask")
    return Future(question)


def described(call: Call) -> SpanSpec | None:
    question = call.arg(0, "question")
    return SpanSpec(question) if question else None


def told(call: Call, number: int) -> Outcome:
    value = call.arg(0, "value")
    return Outcome({"answer": "none" if isinstance(value, Exception) else value, "number": number})


class Library:
    """A library whose functions are hooked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.recorder = Recorder()
        self.scope = Scope(self.recorder.provider.get_tracer("test"))
        self.answers = SpanPerAnswer()
        self.ask: Callable[[str], Future] = self.answers.ask(described).wrap(Target(ask, None, False), self.scope)
        for name, hook in {
            "ask_again": self.answers.ask_again(described),
            "answer": self.answers.answer(told),
            "fail": self.answers.fail(lambda call: call.args[0], told),
        }.items():
            function = getattr(Future, name)
            monkeypatch.setattr(Future, name, hook.wrap(Target(function, Future, True), self.scope))

    def spans(self) -> list[tuple[str, dict[str, Any], str]]:
        return [(span.name, dict(span.attributes or {}), span.status.status_code.name) for span in self.recorder.take()]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    return Library(monkeypatch)


def elsewhere(function: Callable[..., Any], *args: Any) -> None:
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()


def test_the_span_ends_with_the_answer_in_whatever_thread_it_comes(library: Library) -> None:
    future = library.ask("tea?")
    assert not get_current_span().is_recording()
    assert library.spans() == []
    elsewhere(future.answer, "green")
    assert library.spans() == [("tea?", {"answer": "green", "number": 1}, "UNSET")]
    assert future.handed_on == ["green"]


def test_the_span_is_over_before_the_answer_is_handed_on(library: Library) -> None:
    future = library.ask("tea?")
    found = []
    future.handed_on = type("Found", (list,), {"append": lambda _self, _value: found.extend(library.spans())})()
    future.answer("green")
    assert [name for name, _, _ in found] == ["tea?"]


def test_what_goes_wrong_is_the_spans_error(library: Library) -> None:
    future = library.ask("tea?")
    elsewhere(future.fail, Boom("no water"))
    [(_, attributes, status)] = library.spans()
    assert status == "ERROR"
    assert attributes["error.type"].endswith("Boom")
    assert attributes["number"] == 1


def test_what_is_asked_again_is_a_span_of_its_own(library: Library) -> None:
    future = library.ask("tea?")
    future.answer("green")
    assert future.ask_again("more?") == "asked more?"
    assert [name for name, _, _ in library.spans()] == ["tea?"]
    future.answer("black")
    assert library.spans() == [("more?", {"answer": "black", "number": 2}, "UNSET")]


def test_an_answer_that_nobody_waits_for_changes_nothing(library: Library) -> None:
    future = library.ask("tea?")
    future.answer("green")
    future.answer("black")
    Future("untraced").answer("white")
    assert library.spans() == [("tea?", {"answer": "green", "number": 1}, "UNSET")]
    assert future.handed_on == ["green", "black"]


def test_what_cannot_be_asked_is_an_error(library: Library) -> None:
    with pytest.raises(Boom):
        library.ask("broken")
    future = library.ask("tea?")
    future.answer("green")
    with pytest.raises(Boom):
        future.ask_again("broken")
    assert [(name, status) for name, _, status in library.spans()] == [
        ("broken", "ERROR"),
        ("tea?", "UNSET"),
        ("broken", "ERROR"),
    ]


def test_a_future_that_nobody_holds_ends_its_span(library: Library) -> None:
    library.ask("tea?")
    gc.collect()
    assert library.spans() == [("tea?", {}, "UNSET")]


def test_without_a_span_everything_is_as_it_was(library: Library) -> None:
    future = library.ask("")
    assert future.ask_again("") == "asked "
    library.scope.active = False
    library.ask("tea?").answer("green")
    assert future.ask_again("tea?") == "asked tea?"
    assert library.spans() == []


def test_what_breaks_on_our_side_the_answer_does_not_see(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    future = library.ask("tea?")
    monkeypatch.setattr(Outcome, "__init__", boom)
    future.answer("green")
    assert future.handed_on == ["green"]
    assert [name for name, _, _ in library.spans()] == ["tea?"]
