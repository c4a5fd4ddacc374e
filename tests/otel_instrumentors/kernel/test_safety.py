"""What breaks of ours is said once in a while, in words of ours."""

from __future__ import annotations

import logging

import pytest

from otel_instrumentors.kernel import safety


class Unprintable(Exception):
    def __str__(self) -> str:
        raise AttributeError("detail")


def broken(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as raised:
        return raised


@pytest.fixture(autouse=True)
def nothing_said() -> None:
    safety._last_said.clear()


def test_a_line_says_where_and_what_broke_but_not_in_the_errors_words(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        safety.report("flask.request", broken(ValueError("Authorization: Bearer secret")))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("Tracing failed in flask.request, the application's call goes on without it: ValueError in ")
    assert f"{__name__}:" in line
    assert "secret" not in line


@pytest.mark.parametrize("error", [ValueError("told"), Unprintable()])
def test_who_debugs_is_told_the_words_as_well(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "otel_instrumentors"):
        safety.report("flask.request", broken(error))
    last = caplog.records[-1].getMessage()
    assert last == f"Tracing failed in flask.request: {safety.text(error)}"


def test_a_place_is_named_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        for _ in range(3):
            safety.report("one", broken(ValueError()))
        safety.report("other", broken(ValueError()))
    assert len(caplog.records) == 2
