"""What is tried again, and for how long."""

from __future__ import annotations

import time

import pytest

from otel_dd_distro.export import tries
from tests.agents import (
    Reply,
    ScriptedAgent,
    resets,
    says,
    sends,
)
from tests.otel_dd_distro.export.made import Lines, Make, chunk
from tests.ports import free_port


@pytest.mark.parametrize(
    ("replies", "tries"),
    [
        ([says(429), says()], 2),
        ([says(500), says(503), says()], 3),
        ([says(408), says()], 2),
        ([resets(), says()], 2),
        ([sends(b""), sends(b"garbage\r\n\r\n"), says()], 3),
    ],
)
def test_a_passing_trouble_is_tried_again(make: Make, lines: Lines, replies: list[Reply], tries: int) -> None:
    with ScriptedAgent(*replies) as there:
        writer = make(there.url, interval_s=60.0)
        # The first connection is new, so that nothing is resent merely because the kept one had gone stale.
        writer._agent_state.info_due_s = time.monotonic() + 100
        writer.submit(chunk(4))
        assert writer.flush(60)
        assert writer.counters().sent == 4
        assert len(there.payloads()) == tries
        pauses = [b.at - a.at for a, b in zip(there.payloads(), there.payloads()[1:], strict=False)]
        assert all(0.04 <= pause <= 30 for pause in pauses)
    assert lines() == []


def test_a_shutdown_does_not_wait_out_the_pauses_between_tries(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "FIRST_PAUSE_S", 100)
    writer = make(f"http://127.0.0.1:{free_port()}", interval_s=60.0)
    writer.submit(chunk())
    began = time.monotonic()
    assert writer.shutdown()
    assert time.monotonic() - began < 30
    assert writer.counters().dropped == {"refused": 1}
