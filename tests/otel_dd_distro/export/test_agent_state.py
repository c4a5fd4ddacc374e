"""What the Agent says of itself and of rates."""

from __future__ import annotations

import time

import pytest

from otel_dd_distro.export import AgentInfo
from otel_dd_distro.export.agent_state import INFO_REFRESH_S
from otel_dd_distro.local_trace.chunk import Chunk
from tests.agents import (
    Reply,
    RunningAgent,
    ScriptedAgent,
    hangs,
    resets,
    says,
    sends,
)
from tests.otel_dd_distro.export.made import Lines, Make, chunk, encode


def test_the_rates_are_kept_with_their_version(make: Make, lines: Lines) -> None:
    table = b'{"rate_by_service": {"service:,env:": 0.5, "service:shop,env:": 0.1}}'
    script = [
        says(body=table, headers={"Datadog-Rates-Payload-Version": "v7"}),
        says(body=b"{}", headers={"Datadog-Rates-Payload-Version": "v7"}),
        says(body=b"<html>"),
        says(body=b'{"rate_by_service": {"service:,env:": 1}}', headers={"Datadog-Rates-Payload-Version": "v8"}),
        says(body=b"OK"),
    ]
    with ScriptedAgent(*script) as there:
        writer = make(there.url)
        assert writer.rates == {}
        seen = []
        for _ in script:
            writer.submit(chunk())
            assert writer.flush(60)
            seen.append(dict(writer.rates))
        first = {"service:,env:": 0.5, "service:shop,env:": 0.1}
        assert seen == [first, first, first, {"service:,env:": 1.0}, {"service:,env:": 1.0}]
        versions = [payload.headers["datadog-rates-payload-version"] for payload in there.payloads()]
        assert versions == ["0", "v7", "v7", "v7", "v8"]
        assert writer.counters().sent == 5
    assert len(lines()) == 1
    assert "rates" in lines()[0]


def test_the_test_agents_rates_are_understood(test_agent: RunningAgent, make: Make) -> None:
    session = test_agent.session({"service:shop,env:prod": 0.2})
    writer = make(test_agent.url, headers=session.headers)
    writer.submit(chunk())
    assert writer.flush(60)
    assert writer.rates["service:shop,env:prod"] == 0.2


def test_the_agents_description_is_read_once_before_the_first_payload(make: Make) -> None:
    known: list[bool] = []

    def noting(one: Chunk, info: AgentInfo) -> bytes:
        known.append(info.span_events)
        return encode(one, info)

    with ScriptedAgent(info=says(body=b'{"span_events": true}')) as there:
        writer = make(there.url, noting)
        for _ in range(3):
            writer.submit(chunk())
            assert writer.flush(60)
        assert [request.path for request in there.requests] == ["/info", *["/v0.4/traces"] * 3]
    assert known == [True, True, True]


def test_the_description_is_read_again_after_five_minutes_or_when_the_agents_state_changes(make: Make) -> None:
    states = ["a", "a", "b", "b", "b"]
    script = [says(headers={"Datadog-Agent-State": state}) for state in states]
    with ScriptedAgent(*script) as there:
        writer = make(there.url)
        asked = []
        for _ in states:
            writer.submit(chunk())
            assert writer.flush(60)
            asked.append(there.infos())
        assert asked == [1, 1, 1, 2, 2]
        assert INFO_REFRESH_S == 300
        assert writer._agent_state.info_due_s == pytest.approx(time.monotonic() + 300, abs=5)
        writer._agent_state.info_due_s -= 301
        writer.submit(chunk())
        assert writer.flush(60)
        assert there.infos() == 3


@pytest.mark.parametrize(
    "info", [says(500), says(200, b"\xff"), says(200, b"[1]"), sends(b""), resets(), sends(b"what\r\n\r\n"), hangs()]
)
def test_an_agent_that_cannot_describe_itself_gets_its_traces_all_the_same(
    make: Make, lines: Lines, info: Reply
) -> None:
    with ScriptedAgent(info=info) as there:
        writer = make(there.url, timeout_s=0.3)
        writer.submit(chunk())
        assert writer.flush(60)
        assert writer.counters().sent == 1
    assert lines() == []


def test_a_description_that_failed_is_asked_for_again_once_the_agent_answers(make: Make) -> None:
    with ScriptedAgent(info=resets()) as there:
        writer = make(there.url)
        writer.submit(chunk())
        assert writer.flush(60)
        there._info = says(body=b'{"span_events": true}')
        writer.submit(chunk())
        assert writer.flush(60)
        assert writer._agent_state.info.span_events is True
