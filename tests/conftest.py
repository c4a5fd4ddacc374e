"""Fixtures that rooms share."""

from __future__ import annotations

# Before the first provider is made: see configurator.py.
import concurrent.futures.thread  # noqa: F401
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.agents import RunningAgent, Session, running_test_agent
from tests.servers import SERVERS, running, session


def pytest_configure(config: pytest.Config) -> None:
    """One set of servers for this run; xdist's workers, which start later, belong to it."""
    stack = ExitStack()
    stack.enter_context(session())
    config.add_cleanup(stack.close)


@pytest.fixture(scope="session")
def test_agent() -> Iterator[RunningAgent]:
    """Datadog's test agent: one process for the whole run, `session()` keeps the tests apart."""
    with running_test_agent() as agent:
        yield agent


@pytest.fixture
def agent_session(test_agent: RunningAgent) -> Session:
    return test_agent.session()


def _server(name: str) -> pytest.FixtureDef[str]:
    @pytest.fixture(scope="session", name=name)
    def server() -> Iterator[str]:
        with running(name) as variable:
            yield variable[SERVERS[name].variable]

    return server


# One fixture for each server, of its name: the URL, which stands in its variable as well.
globals().update({name: _server(name) for name in SERVERS})
