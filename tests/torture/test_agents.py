from __future__ import annotations

import urllib.request

import ormsgpack
import pytest

from torture.agents import AGENTS

ONE = ormsgpack.packb([[{"trace_id": 1, "span_id": 2}]])
TAKING = {"ok", "slow", "restarting", "vanishing"}


@pytest.mark.parametrize("name", AGENTS)
def test_only_what_an_agent_answers_with_success_is_taken(name: str) -> None:
    from otel_dd_distro.export.agent import Agent, Unreached

    with AGENTS[name]() as (url, taken):
        agent = Agent(url, timeout_s=1.0)
        try:
            status = agent.send_traces([ONE], 1, "").status
        except Unreached:
            status = 0
        finally:
            agent.close()
        assert (status == 200) is (name in TAKING)
        assert taken.spans() == ([f"{1:016x} {2:016x}"] if name in TAKING else [])


def test_an_agent_that_restarts_takes_again_after_a_moment() -> None:
    with AGENTS["restarting"]() as (url, taken):
        for _ in range(2):
            request = urllib.request.Request(f"{url}/v0.4/traces", ONE, method="POST")
            while True:
                try:
                    urllib.request.urlopen(request, timeout=30).close()
                except OSError:
                    continue
                break
        assert len(taken.spans()) >= 2
