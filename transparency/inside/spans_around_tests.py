"""A pytest plugin: `pytest -p spans_around_tests`."""

from __future__ import annotations

from collections.abc import Iterator

import outcomes
import pytest


def pytest_configure() -> None:
    outcomes.start_the_export_thread()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    with outcomes.around(item.nodeid):
        yield


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    outcome = report.outcome
    if hasattr(report, "wasxfail"):
        outcome = "xpassed" if report.passed else "xfailed"  # type: ignore[assignment]
    elif report.when != "call" and report.failed:
        outcome = "error"  # type: ignore[assignment]
    outcomes.note(report.nodeid, outcome)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        outcomes.note(report.nodeid, "error")


def pytest_unconfigure() -> None:
    outcomes.write()
