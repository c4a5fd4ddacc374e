"""loguru, whose one logger has handlers of the application's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from otel_instrumentors.loguru import LoguruInstrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented
from tests.otel_instrumentors.correlating import WHERE, Correlating, Fields


def logged(form: str = "{message}", **handler: Any) -> list[Any]:
    from loguru import logger

    messages: list[Any] = []
    number = logger.add(messages.append, format=form, **handler)
    try:
        logger.info("hello")
        logger.bind(order="tea").warning("world")
    finally:
        logger.remove(number)
    return messages


class TestLoguruContract(Correlating):
    instrumentor = LoguruInstrumentor

    @staticmethod
    def use() -> Any:
        return [{**message.record["extra"], "message": str(message)} for message in logged()]


@pytest.fixture(autouse=True)
def _fields(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    from loguru import logger

    logger.remove()
    if request.cls is None:
        monkeypatch.setattr(WHERE, lambda: SimpleNamespace(records=Fields()))


def test_formats_and_filters_may_name_the_fields() -> None:
    with instrumented(LoguruInstrumentor, Recorder().provider):
        only = logged("{extra[tea.shop]} {message}", filter=lambda record: record["extra"]["tea.shop"] == "corner")
    assert [str(message) for message in only] == ["corner hello\n", "corner world\n"]


def test_a_patcher_of_the_applications_is_kept() -> None:
    from loguru import logger

    logger.configure(patcher=lambda record: record["extra"].update(patched="yes"))
    try:
        with instrumented(LoguruInstrumentor, Recorder().provider):
            texts = logged("{extra[patched]} {extra[tea.shop]} {message}")
    finally:
        logger.configure(patcher=lambda _record: None)
    assert [str(text) for text in texts] == ["yes corner hello\n", "yes corner world\n"]
