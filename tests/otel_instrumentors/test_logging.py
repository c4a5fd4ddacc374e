"""The standard library's logging."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.trace import format_span_id, format_trace_id

from otel_instrumentors.logging import CORRELATION, LoggingInstrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented
from tests.otel_instrumentors.correlating import WHERE, Correlating, Fields


class Kept(logging.Handler):
    """Keeps the fields of what it is given, but for those that differ from call to call."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[dict[str, Any]] = []
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.fields.append(
            {
                name: value
                for name, value in vars(record).items()
                if name in ("msg", "name", "levelname", "order") or "." in name or name.startswith("otel")
            }
        )
        self.texts.append(self.format(record))


_kept = Kept()


def logged(formatter: logging.Formatter | None = None) -> Kept:
    # Of no hierarchy: pytest keeps what all others say.
    kept, logger = _kept, logging.Logger("application")
    kept.fields, kept.texts = [], []
    kept.setFormatter(formatter)
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    try:
        logger.info("hello", extra={"order": "tea"})
        logger.warning("world")
    finally:
        logger.removeHandler(kept)
    return kept


class TestLoggingContract(Correlating):
    instrumentor = LoggingInstrumentor

    @staticmethod
    def use() -> Any:
        # The other hook is for this style.
        return logged(logging.Formatter("{message}", style="{")).fields


@pytest.fixture
def fields(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setattr(WHERE, lambda: SimpleNamespace(records=Fields()))
    recorder = Recorder()
    with instrumented(LoggingInstrumentor, recorder.provider):
        yield recorder


@pytest.mark.parametrize(
    ("form", "style"), [("%(message)s %(tea.shop)s", "%"), ("{message} {tea.shop}", "{")], ids=["percent", "brace"]
)
def test_formats_may_name_the_fields_in_either_style(fields: Recorder, form: str, style: Any) -> None:
    kept = logged(logging.Formatter(form, style=style))
    assert kept.texts == ["hello corner", "world corner"]
    assert all("tea" not in record for record in kept.fields)


def test_a_format_with_braces_that_names_none_is_as_it_was(fields: Recorder) -> None:
    assert logged(logging.Formatter("{levelname} {message}", style="{")).texts == ["INFO hello", "WARNING world"]


def test_by_opentelemetrys_names_where_these_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CORRELATION, "true")
    monkeypatch.setattr(logging.root, "handlers", [])
    recorder = Recorder()
    with instrumented(LoggingInstrumentor, recorder.provider):
        (handler,) = logging.root.handlers
        with recorder.provider.get_tracer("application").start_as_current_span("work") as span:
            first, _ = logged(handler.formatter).fields
            (text, _) = logged(handler.formatter).texts
        outside, _ = logged(handler.formatter).fields
    context = span.get_span_context()
    assert first["otelTraceID"] == format_trace_id(context.trace_id)
    assert first["otelSpanID"] == format_span_id(context.span_id)
    assert first["otelTraceSampled"] is True
    assert f"trace_id={format_trace_id(context.trace_id)} span_id={format_span_id(context.span_id)}" in text
    assert (outside["otelTraceID"], outside["otelSpanID"], outside["otelTraceSampled"]) == ("0", "0", False)
    monkeypatch.delenv(CORRELATION)
    with instrumented(LoggingInstrumentor, recorder.provider):
        assert not any(name.startswith("otel") for name in logged().fields[0])


def test_keywords_go_before_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    recorder = Recorder()
    asked = {"set_logging_format": True, "logging_format": "%(otelSpanID)s|%(message)s", "log_level": logging.ERROR}
    with instrumented(LoggingInstrumentor, recorder.provider, **asked):
        (handler,) = logging.root.handlers
        assert logging.root.level == logging.ERROR
        assert logged(handler.formatter).texts[0].startswith("0|")
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setenv(CORRELATION, "true")
    with instrumented(LoggingInstrumentor, recorder.provider, set_logging_format=False):
        assert not logging.root.handlers
        assert not any(name.startswith("otel") for name in logged().fields[0])
    with instrumented(LoggingInstrumentor, recorder.provider, set_logging_format=False, inject_trace_context=True):
        assert not logging.root.handlers
        assert logged().fields[0]["otelSpanID"] == "0"


def test_a_hook_is_called_with_the_current_span_and_each_record() -> None:
    recorder = Recorder()
    hook = lambda span, record: setattr(record, "otelOf", span.name)  # noqa: E731
    with instrumented(LoggingInstrumentor, recorder.provider, log_hook=hook):
        with recorder.provider.get_tracer("application").start_as_current_span("work"):
            assert logged().fields[0]["otelOf"] == "work"
        assert "otelOf" not in logged().fields[0]
