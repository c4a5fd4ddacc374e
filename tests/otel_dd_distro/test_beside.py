"""Beside another distro: ours takes over, unless the user has named the other. `nox -s contrib` has it as processes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]

from otel_dd_distro import beside, configurator, settings
from otel_dd_distro.distro import DatadogDistro


class AnotherDistro(BaseDistro):  # type: ignore[misc]
    def _configure(self, **kwargs: Any) -> None:
        """Nothing to do."""


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was set up meanwhile."""
    done: list[str] = []
    monkeypatch.setattr(configurator.DatadogConfigurator, "configure", lambda _self: done.append("configured"))
    monkeypatch.setattr(DatadogDistro, "is_in_force", False)
    monkeypatch.delenv("OTEL_PYTHON_DISTRO", raising=False)
    monkeypatch.setenv("OTEL_PYTHON_CONFIGURATOR", "")
    settings.current.cache_clear()
    yield done
    settings.current.cache_clear()
    AnotherDistro._instance = None


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "otel_dd_distro"]


def test_one_that_was_found_first_asks_ours_of_each_instrumentor(
    configured: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    other = AnotherDistro()
    with caplog.at_level(logging.WARNING):
        beside.take_over()
    assert configured == ["configured"]
    assert other.load_instrumentor == DatadogDistro().load_instrumentor
    assert [line.startswith("AnotherDistro was loaded before this distro") for line in lines(caplog)] == [True]
    beside.take_over()
    assert configured == ["configured"]


def test_one_that_the_user_names_is_left_alone_and_that_is_told(
    configured: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_DISTRO", "another")
    with caplog.at_level(logging.WARNING):
        beside.take_over()
    assert configured == []
    assert lines(caplog) == ["OTEL_PYTHON_DISTRO names another: nothing is sent to the Datadog Agent by this distro"]


def test_nothing_is_said_or_done_where_ours_is_in_force_or_tracing_is_off(
    configured: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DD_TRACE_ENABLED", "false")
    beside.take_over()
    monkeypatch.delenv("DD_TRACE_ENABLED")
    settings.current.cache_clear()
    monkeypatch.setattr(DatadogDistro, "is_in_force", True)
    beside.take_over()
    assert (configured, lines(caplog)) == ([], [])
