"""What a signal handler of the application raises while a span is filled or gathered reaches the application."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.baggage import set_baggage
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, set_span_in_context

from otel_dd_distro import log_lines
from otel_dd_distro.export import loading
from otel_dd_distro.otlp.outlets import Outlets
from otel_dd_distro.propagation import BaggagePropagator, DatadogPropagator, StylesPropagator
from otel_dd_distro.settings import read
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.every_span import attributes
from tests.otel_dd_distro.tracing.gathered import Gathered


class TooLong(Exception):
    pass


class Interrupting:
    """The signal comes while it is made text."""

    def __str__(self) -> str:
        signal.raise_signal(signal.SIGUSR1)
        return "text"


class Odd(Exception):
    __str__ = Interrupting.__str__


def limit(*_: Any) -> None:
    raise TooLong


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.signal(signal.SIGUSR1, limit)
    yield
    signal.signal(signal.SIGUSR1, before)


FILLINGS = {
    "set_attribute": lambda span: span.set_attribute("odd", Interrupting()),
    "set_attributes": lambda span: span.set_attributes({"odd": Interrupting()}),
    "add_event": lambda span: span.add_event("event", {"odd": Interrupting()}),
    "record_exception": lambda span: span.record_exception(Odd()),
}


@pytest.mark.parametrize("way", FILLINGS)
def test_a_span_that_is_being_filled_swallows_nothing(way: str) -> None:
    span: Span = Gathered().tracer.start_span("work")
    with pytest.raises(TooLong):
        FILLINGS[way](span)  # type: ignore[no-untyped-call]
    span.end()


@pytest.mark.parametrize("step", ["begin_own", "complete"])
def test_nor_does_a_span_that_is_being_gathered(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gathered = Gathered()
    monkeypatch.setattr(gathered.traces, step, lambda *_: signal.raise_signal(signal.SIGUSR1))
    with pytest.raises(TooLong):
        gathered.tracer.start_span("work").end()
    assert caplog.messages == []


def interrupt(*_: Any, **__: Any) -> Any:
    signal.raise_signal(signal.SIGUSR1)


PROPAGATORS: list[TextMapPropagator] = [DatadogPropagator(), BaggagePropagator(), StylesPropagator()]


@pytest.mark.parametrize("propagator", PROPAGATORS, ids=lambda one: type(one).__name__)
def test_nor_does_a_propagator(propagator: TextMapPropagator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    context = set_baggage("shop", "7", set_span_in_context(Gathered().tracer.start_span("GET")))
    with pytest.raises(TooLong):
        propagator.inject({}, context, SimpleNamespace(set=interrupt))  # type: ignore[arg-type]
    with pytest.raises(TooLong):
        propagator.extract({}, getter=SimpleNamespace(get=interrupt, keys=interrupt))  # type: ignore[arg-type]
    assert caplog.messages == []


def test_nor_does_an_exception_that_becomes_text() -> None:
    with pytest.raises(TooLong), Gathered().tracer.start_as_current_span("GET", record_exception=False):
        raise Odd


def test_nor_does_a_translation(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    gathered = Gathered()
    with gathered.tracer.start_as_current_span("GET") as span:
        pass
    (chunk,) = gathered.chunks
    translator = Translator(read({}))
    monkeypatch.setattr("otel_dd_distro.translate.translator._classified", interrupt)
    for translates in (translator.viewed, translator.titled):
        with pytest.raises(TooLong):
            translates(span)  # type: ignore[arg-type]
    monkeypatch.setattr(translator._shapes, "translated", interrupt)
    with pytest.raises(TooLong):
        translator.chunk(chunk, native_events=True)
    assert caplog.messages == []


def test_nor_does_a_value_that_becomes_a_tag() -> None:
    with pytest.raises(TooLong):
        attributes.put("odd", Interrupting(), {}, {})  # type: ignore[arg-type, unused-ignore]


def test_nor_does_what_hands_chunks_to_other_exporters(caplog: pytest.LogCaptureFixture) -> None:
    gathered = Gathered()
    gathered.tracer.start_span("GET").end()
    outlets = Outlets(gathered)
    outlets.add(SimpleNamespace(take=interrupt, shutdown=interrupt))  # type: ignore[arg-type]
    with pytest.raises(TooLong):
        outlets.take(gathered.chunks[0], [])
    with pytest.raises(TooLong):
        outlets.shutdown(1.0)
    assert caplog.messages == []


def test_nor_does_a_line_of_the_log() -> None:
    record = logging.LogRecord("otel_dd_distro", logging.WARNING, "", 0, "%s", (Interrupting(),), None)
    with pytest.raises(TooLong):
        log_lines._one_line(record)


def test_nor_does_an_import_that_was_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_loaded", False)
    monkeypatch.setattr(loading.importlib, "import_module", interrupt)
    with pytest.raises(TooLong):
        loading.load()
    monkeypatch.undo()
    loading.load()
    assert loading._loaded


def test_what_comes_while_the_process_ends_is_raised_when_the_rest_is_done() -> None:
    ended: list[float] = []

    class Sink(Gathered):
        def shutdown(self, timeout_s: float) -> None:
            ended.append(timeout_s)
            if len(ended) == 1:
                interrupt()

    sink = Sink()
    open_span = sink.tracer.start_span("work")
    with pytest.raises(TooLong):
        sink.processor.end()
    assert len(ended) == 2
    assert [span.name for span in sink.spans] == ["work"]
    open_span.end()
