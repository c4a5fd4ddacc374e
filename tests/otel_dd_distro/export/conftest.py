"""A writer that talks to an Agent of the test's, and what is logged meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from otel_dd_distro.export import Agent, Writer
from tests.otel_dd_distro.export.made import Lines, Make, encode


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes writers that are shut down, without ado, when the test is over."""
    made: list[Writer] = []

    def make(url: str, encode: Any = encode, *, timeout_s: float = 60.0, **limits: Any) -> Writer:
        headers = limits.pop("headers", {})
        made.append(Writer(encode, Agent(url, timeout_s=timeout_s, headers=headers), **limits))
        return made[-1]

    yield make
    for writer in made:
        thread = writer._thread.thread
        writer.shutdown(0.0)
        if thread is not None:
            thread.join(60)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    caplog.set_level(logging.INFO)

    def lines(level: int = logging.WARNING) -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelno == level]

    yield lines
    assert not any(record.exc_info for record in caplog.records), "a traceback"
