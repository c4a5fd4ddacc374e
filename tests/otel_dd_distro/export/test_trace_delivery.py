"""Payloads within limits, and what becomes of those that are refused."""

from __future__ import annotations

import time

import pytest

from tests.agents import (
    Reply,
    ScriptedAgent,
    resets,
    says,
    sends,
)
from tests.otel_dd_distro.export.made import Lines, Make, chunk, ids


def test_payloads_stay_below_the_limit(make: Make) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, payload_limit_bytes=10_000)
        sent = [chunk(2, pad=500) for _ in range(50)]
        for one in sent:
            writer.submit(one)
        assert writer.flush(60)
        payloads = there.payloads()
        assert len(payloads) > 5
        assert all(len(payload.body) <= 10_000 for payload in payloads)
        assert [int(payload.headers["x-datadog-trace-count"]) for payload in payloads] == [
            len(payload.traces()) for payload in payloads
        ]
        assert sorted(there.spans()) == ids(*sent)


def test_the_agents_own_limit_counts_when_it_is_lower(make: Make) -> None:
    info = says(body=b'{"config": {"max_request_bytes": 5000}}')
    with ScriptedAgent(info=info) as there:
        writer = make(there.url)
        for _ in range(50):
            writer.submit(chunk(1, pad=500))
        assert writer.flush(60)
        assert all(len(payload.body) <= 5000 for payload in there.payloads())
        assert len(there.spans()) == 50


@pytest.mark.parametrize(
    ("reply", "reason", "tries", "said"),
    [
        (says(400, b"bad span"), "status_400", 1, "answered 400 bad span"),
        (says(403), "status_403", 1, "answered 403"),
        (says(404), "status_404", 1, "does not know /v0.4/traces"),
        (says(415), "status_415", 1, "does not know /v0.4/traces"),
        (says(413), "status_413", 1, "answered 413"),
        (says(302, headers={"Location": "/elsewhere"}), "status_302", 1, "answered 302"),
        (says(429), "status_429", 3, "answered 429"),
        (says(500), "status_500", 3, "answered 500"),
        (says(503, b"\xff<html>"), "status_503", 3, "answered 503"),
        (sends(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 99_999 + b"\r\n\r\n"), "network", 3, "no answer"),
    ],
)
def test_a_lasting_trouble_is_dropped_counted_and_said_once(
    make: Make, lines: Lines, reply: Reply, reason: str, tries: int, said: str
) -> None:
    with ScriptedAgent(reply) as there:
        writer = make(there.url, interval_s=60.0)
        writer._agent_state.info_due_s = time.monotonic() + 100
        for _ in range(3):
            writer.submit(chunk(4))
            assert writer.flush(60)
        counters = writer.counters()
        assert (counters.accepted, counters.sent, counters.dropped) == (12, 0, {reason: 12})
        assert counters.queued_bytes == 0
        assert len(there.payloads()) == 3 * tries
        (line,) = lines()
        assert there.url in line
        assert f"; spans lost since the last such line: 4, of 1 traces ({reason} 4)" in line
        assert said in line


def test_a_reset_in_mid_answer_after_a_good_status_is_not_sent_twice(make: Make, lines: Lines) -> None:
    with ScriptedAgent(resets(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"ra'), says()) as there:
        writer = make(there.url)
        writer.submit(chunk())
        assert writer.flush(60)
        assert writer.counters().sent == 1
        assert len(there.spans()) == 1
    assert lines() == []
