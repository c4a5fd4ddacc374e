"""What the doctor says of Agents: of those that take its span, and of those that refuse it."""

from __future__ import annotations

import pytest

from otel_dd_distro import settings
from otel_dd_distro.doctor.agent import SPAN, look
from otel_dd_distro.doctor.findings import Finding
from tests.agents import ScriptedAgent, Session, says
from tests.otel_dd_distro.view.running import running


def found(url: str, **more: str) -> Finding:
    """The last that is said of the Agent at an address: whether it takes spans."""
    environ = {"DD_TRACE_AGENT_URL": url, **more}
    return look(settings.read(environ, argv=["-"]), environ).findings[-1]


def test_the_test_agent_takes_the_span(agent_session: Session) -> None:
    headers = ",".join(f"{name}:{value}" for name, value in agent_session.headers.items())

    assert found(agent_session.agent.url, _DD_TRACE_WRITER_ADDITIONAL_HEADERS=headers).subject == "takes spans"

    assert [span["name"] for span in agent_session.spans()] == [SPAN]


def test_the_view_takes_the_span() -> None:
    with running() as view:
        assert found(view.url).subject == "takes spans"
        assert view.traces()[0]["spans"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, b"a trace is dict instead of list\nmore", "a trace is dict instead of list"),
        (400, b"", "it does not say why"),
        (404, b"404 page not found", "it has no /v0.4/traces: is it a Datadog Agent?"),
        (429, b"", "it is overloaded"),
    ],
)
def test_why_an_agent_refuses_the_span_is_said_once(status: int, body: bytes, said: str) -> None:
    with ScriptedAgent(says(status, body)) as agent:
        finding = found(agent.url)
    assert (finding.subject, finding.said) == ("Agent refuses spans", f"status {status} at {agent.url}: {said}")
