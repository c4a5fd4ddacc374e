"""What others say stands in our lines, and makes none of its own."""

from __future__ import annotations

import logging

import pytest

from otel_dd_distro.export import Agent, Writer
from otel_dd_distro.log_lines import LOGGERS
from otel_dd_distro.settings import read
from tests.agents import ScriptedAgent, says, sends
from tests.otel_dd_distro.export.made import chunk, encode

FORGED = "no\n2026-11-28 CRITICAL root: forged \x1b[31mred\r\x85\u2028"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize("name", LOGGERS)
def test_a_line_of_ours_is_one_line_whatever_it_quotes(name: str, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger(name).warning("%s of caf\xe9: %s", FORGED, "x" * 100_000)
    (line,) = caplog.messages
    assert line.startswith("no\\n2026-11-28 CRITICAL root: forged \\x1b[31mred\\r\\x85\\u2028 of caf\xe9: xxx")
    assert line.isprintable()
    assert len(line) < 20_000


def test_what_is_one_line_stays_as_it_is_for_those_who_group_by_its_parts(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger(LOGGERS[0]).warning("%s of %s", 1, "caf\xe9")
    (record,) = caplog.records
    assert (record.msg, record.args) == ("%s of %s", (1, "caf\xe9"))


def test_an_exception_that_cannot_be_made_text_does_not_raise(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger(LOGGERS[0]).warning("failed: %s", Unspeakable())
    assert caplog.messages == ["failed: %s (it cannot be shown: ValueError)"]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (says(400, FORGED.encode()), "answered 400 no 2026-11-28 CRITICAL root: forged \\x1b[31mred"),
        (says(502, b"<html>\n<head>\n<title>502</title>\n</head>\n"), "answered 502 <html> <head> <title>502</title>"),
        (says(200, b"<html>\n<body>\nwelcome\n</body>"), "<html>"),
        (sends(b"\x1b[31m what\x07\r\n\r\n"), "\\x1b[31m what\\x07"),
    ],
)
def test_an_agents_answer_makes_one_line(reply: object, said: str, caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedAgent(reply) as there:  # type: ignore[arg-type]
        writer = Writer(encode, Agent(there.url))
        writer.submit(chunk())
        assert writer.flush(30)
        writer.shutdown()
    (line,) = caplog.messages
    assert said in line
    assert line.isprintable()


@pytest.mark.parametrize("name", ["OTEL_TRACES_EXPORTER", "DD_TRACE_SAMPLING_RULES", "OTEL_PROPAGATORS", "DD_ENV"])
def test_a_variable_makes_no_line_of_its_own(name: str, caplog: pytest.LogCaptureFixture) -> None:
    read({name: FORGED * 1000}, argv=())
    assert all(line.isprintable() for line in caplog.messages)
    assert len(caplog.messages) <= 1
