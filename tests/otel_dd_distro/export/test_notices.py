from __future__ import annotations

import logging
import time

import pytest

from otel_dd_distro.export import notices
from otel_dd_distro.export.notices import Notices
from otel_dd_distro.export.shared_times import SharedTimes
from tests.agents import ScriptedAgent
from tests.otel_dd_distro.export.made import Lines, Make, chunk
from tests.ports import free_port


def test_the_first_loss_is_said_at_once_and_the_rest_of_the_minute_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = Notices("http://agent:8126", SharedTimes())
    said.dropped("refused", 3, 1, "no answer: nobody there")
    first = said.due()
    assert first is not None
    assert first[0] == logging.WARNING
    assert first[1].startswith("Datadog Agent at http://agent:8126: no answer: nobody there; spans lost since the last")
    assert first[1].endswith("line: 3, of 1 traces (refused 3)")
    for _ in range(5):
        said.dropped("refused", 2, 1, "no answer: nobody there")
        said.dropped("full", 1, 1, "too much waits")
        assert said.due() is None
    monkeypatch.setattr(notices, "INTERVAL_S", 0.0)
    line = said.due()
    assert line is not None
    assert "spans lost since the last such line: 15, of 10 traces (full 5, refused 10)" in line[1]
    assert said.due() is None


def test_a_trouble_without_loss_shares_the_minute() -> None:
    said = Notices("http://agent:8126", SharedTimes())
    said.trouble("strange answer")
    assert said.due() == (logging.WARNING, "Datadog Agent at http://agent:8126: strange answer")
    said.trouble("strange answer")
    assert said.due() is None


def test_recovery_is_said_once_and_only_after_a_warned_loss() -> None:
    said = Notices("http://agent:8126", SharedTimes())
    assert said.delivered() is None
    said.dropped("refused", 3, 1, "no answer")
    said.due()
    line = said.delivered()
    assert line == (logging.INFO, "Datadog Agent at http://agent:8126 accepts traces again")
    assert said.delivered() is None


def test_what_the_minute_swallowed_is_told_at_the_end_without_a_second_warning() -> None:
    said = Notices("http://agent:8126", SharedTimes())
    said.dropped("refused", 3, 1, "no answer")
    said.due()
    said.dropped("exit", 4, 1, "the process ends")
    line = said.last()
    assert line is not None
    assert line[0] == logging.INFO
    assert "such line: 4, of 1 traces" in line[1]
    assert said.last() is None


def test_nobody_listening_costs_one_warning_a_minute_and_recovery_is_told(
    make: Make, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    writer = make(f"http://127.0.0.1:{port}", interval_s=0.01)
    for _ in range(5):
        writer.submit(chunk(10))
        assert writer.flush(60)
    assert writer.counters().dropped == {"refused": 50}
    assert len(lines()) == 1
    assert "Connection refused" in lines()[0]
    monkeypatch.setattr(notices, "INTERVAL_S", 0.0)
    end = time.monotonic() + 60
    while len(lines()) < 2 and time.monotonic() < end:
        # The minute over, the rest is said even if no more spans come.
        time.sleep(0.01)
    assert "spans lost since the last such line: 40, of 4 traces (refused 40)" in lines()[1]
    with ScriptedAgent() as there:
        writer._agent._url = there.url
        writer.submit(chunk())
        assert writer.flush(60)
    assert lines(logging.INFO) == [f"Datadog Agent at http://127.0.0.1:{port} accepts traces again"]
    assert len(lines()) == 2
