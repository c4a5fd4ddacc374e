"""structlog, through its own chains of processors and through the standard library."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from otel_instrumentors.structlog import StructlogInstrumentor, add_trace_fields
from tests.otel_instrumentors.contract import Recorder, instrumented
from tests.otel_instrumentors.correlating import WHERE, Correlating, Fields


class TestStructlogContract(Correlating):
    instrumentor = StructlogInstrumentor

    @staticmethod
    def use() -> Any:
        from structlog.testing import CapturingLoggerFactory

        factory = CapturingLoggerFactory()
        logger = wrapped(factory())
        logger.info("hello", order="tea")
        logger.bind(table=4).warning("world")
        return [call.kwargs for call in factory.logger.calls]


def wrapped(logger: Any, *processors: Any) -> Any:
    import structlog

    def rendered(_logger: Any, _method: str, event_dict: dict[str, Any]) -> tuple[tuple[()], dict[str, Any]]:
        return (), dict(event_dict)

    return structlog.wrap_logger(logger, processors=[*processors, rendered])


@pytest.mark.parametrize("made", ["before", "after"])
def test_loggers_that_were_made_before_are_covered(made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from structlog.testing import CapturingLogger

    monkeypatch.setattr(WHERE, lambda: SimpleNamespace(records=Fields()))
    captured = CapturingLogger()
    logger = wrapped(captured).bind(table=4) if made == "before" else None
    with instrumented(StructlogInstrumentor, Recorder().provider):
        (logger or wrapped(captured).bind(table=4)).info("hello", order="tea")
    (call,) = captured.calls
    assert call.kwargs == {
        "table": 4, "order": "tea", "tea.is_inside": False, "tea.shop": "corner", "event": "hello"
    }  # fmt: skip


def test_filtering_loggers_and_processors_of_the_applications_see_the_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    import structlog
    from structlog.testing import CapturingLogger

    monkeypatch.setattr(WHERE, lambda: SimpleNamespace(records=Fields()))
    seen: list[str] = []

    def look(_logger: Any, _method: str, event_dict: dict[str, Any]) -> dict[str, Any]:
        seen.append(event_dict["tea.shop"])
        return event_dict

    captured = CapturingLogger()
    with instrumented(StructlogInstrumentor, Recorder().provider):
        logger = structlog.wrap_logger(
            captured, processors=[look, lambda *_: "text"], wrapper_class=structlog.make_filtering_bound_logger(30)
        )
        logger.info("dropped")
        logger.warning("kept")
    assert seen == ["corner"]
    assert [call.args for call in captured.calls] == [("text",)]


def test_the_processor_can_be_put_into_a_chain_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    from structlog.testing import CapturingLogger

    monkeypatch.setattr(WHERE, lambda: SimpleNamespace(records=Fields()))
    captured = CapturingLogger()
    wrapped(captured, add_trace_fields).info("hello")
    assert captured.calls[0].kwargs == {"event": "hello", "tea.is_inside": False, "tea.shop": "corner"}
