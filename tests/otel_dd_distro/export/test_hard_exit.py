"""Processes that end with `os._exit`."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.agents import RunningAgent, ScriptedAgent, Session, hangs, says, waits
from tests.otel_dd_distro.export.made import run

SET_UP = """
import os, signal, sys, threading, time
from otel_dd_distro.export import Agent, Writer
from tests.otel_dd_distro.export.made import chunk, encode

url, token = sys.argv[1], sys.argv[2]
# No span would leave in time by itself.
agent = Agent(url, timeout_s=60, headers={"X-Datadog-Test-Session-Token": token})
writer = Writer(encode, agent, interval_s=60)
real = os._exit

def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def script(text: str) -> str:
    return SET_UP + textwrap.dedent(text)


@pytest.mark.parametrize("where", ["main thread", "another thread"])
def test_a_forked_child_loses_no_span_and_its_status_stays(agent_session: Session, where: str) -> None:
    program = """
    child = os.fork()
    if child == 0:
        writer.submit(chunk(3))
        if sys.argv[3] == "main thread":
            os._exit(7)
        threading.Thread(target=os._exit, args=(7,)).start()
        time.sleep(30)
    assert ended(child) == 7
    assert os._exit is real, "only children's is another"
    """
    run(script(program), agent_session.agent.url, agent_session.token, where)
    assert len(agent_session.wait_for_spans(3)) == 3


def test_a_child_of_a_child_loses_no_span_either(agent_session: Session) -> None:
    program = """
    child = os.fork()
    if child == 0:
        writer.submit(chunk(1))
        grandchild = os.fork()
        if grandchild == 0:
            writer.submit(chunk(2))
            os._exit(3)
        os._exit(ended(grandchild) + 1)
    assert ended(child) == 4
    """
    run(script(program), agent_session.agent.url, agent_session.token)
    assert len(agent_session.wait_for_spans(3)) == 3


def test_a_process_that_was_not_forked_loses_no_span_and_its_status_stays(agent_session: Session) -> None:
    program = """
    writer.submit(chunk(3))
    os._exit(7)
    """
    run(script(program), agent_session.agent.url, agent_session.token, status=7)
    assert len(agent_session.wait_for_spans(3)) == 3


def test_what_has_ended_below_an_open_span_is_sent_as_well(agent_session: Session) -> None:
    program = """
    import os, otel_dd_distro
    from opentelemetry import trace
    otel_dd_distro.install()
    tracer = trace.get_tracer("tests")
    tracer.start_span("request before").end()
    with tracer.start_as_current_span("request"):
        tracer.start_span("query").end()
        os._exit(7)
    """
    variables = {
        "DD_TRACE_AGENT_URL": agent_session.agent.url,
        "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": f"X-Datadog-Test-Session-Token:{agent_session.token}",
        "DD_TRACE_WRITER_INTERVAL_SECONDS": "60",
    }
    run(textwrap.dedent(program), status=7, **variables)
    assert {"request before", "query"} <= {span["resource"] for span in agent_session.wait_for_spans(2)}


@pytest.mark.parametrize("where", ["in a child", "in a child of a request", "at once"])
@pytest.mark.parametrize("tracer", ["light", "plain"])
def test_the_first_request_of_a_process_loses_nothing_either(agent_session: Session, where: str, tracer: str) -> None:
    program = """
    import os, sys, otel_dd_distro
    from contextlib import nullcontext
    from opentelemetry import trace
    otel_dd_distro.install()
    tracer = trace.get_tracer("tests")
    around = tracer.start_as_current_span("around") if sys.argv[1] == "in a child of a request" else nullcontext()
    around.__enter__()
    child = 0 if sys.argv[1] == "at once" else os.fork()
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    with tracer.start_as_current_span("request"):
        tracer.start_span("query").end()
        os._exit(7)
    """
    variables = {
        "DD_TRACE_AGENT_URL": agent_session.agent.url,
        "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": f"X-Datadog-Test-Session-Token:{agent_session.token}",
        "DD_TRACE_WRITER_INTERVAL_SECONDS": "60",
        "OTEL_DD_LIGHT_TRACER": str(tracer == "light").lower(),
    }
    run(textwrap.dedent(program), where, status=7, **variables)
    assert "query" in {span["resource"] for span in agent_session.wait_for_spans(1)}


@pytest.mark.parametrize("tracer", ["light", "plain"])
def test_nor_does_the_second_piece_of_work_of_a_child_within_a_request(agent_session: Session, tracer: str) -> None:
    program = """
    import os, otel_dd_distro
    from opentelemetry import trace
    otel_dd_distro.install()
    tracer = trace.get_tracer("tests")
    with tracer.start_as_current_span("request"):
        child = os.fork()
        if child == 0:
            tracer.start_span("first").end()
            with tracer.start_as_current_span("second"):
                tracer.start_span("query").end()
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    """
    variables = {
        "DD_TRACE_AGENT_URL": agent_session.agent.url,
        "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": f"X-Datadog-Test-Session-Token:{agent_session.token}",
        "DD_TRACE_WRITER_INTERVAL_SECONDS": "60",
        "OTEL_DD_LIGHT_TRACER": str(tracer == "light").lower(),
    }
    run(textwrap.dedent(program), **variables)
    told = sorted(span["resource"] for span in agent_session.wait_for_spans(4))
    assert told == ["first", "query", "request", "second"]


def test_a_child_of_a_process_with_spans_ends_as_it_always_did_and_sends_none_of_them(
    agent_session: Session,
) -> None:
    program = """
    writer.submit(chunk(3))
    assert os._exit is not real
    child = os.fork()
    if child == 0:
        os._exit(0 if os._exit is real else 1)
    assert ended(child) == 0
    """
    run(script(program), agent_session.agent.url, agent_session.token)
    assert len(agent_session.spans()) == 0


def test_what_somebody_put_in_its_place_stays_in_a_child() -> None:
    program = """
    writer.submit(chunk(3))
    ours, asked = os._exit, []
    def theirs(status):
        asked.append(status)
        ours(status + len(asked))
    os._exit = theirs
    child = os.fork()
    if child == 0:
        writer.submit(chunk(1))
        os._exit(3)
    assert ended(child) == 4
    """
    assert run(script(program), "http://127.0.0.1:1", "token").stderr.count("Traceback") == 0


def test_a_child_without_a_span_ends_as_it_always_did(test_agent: RunningAgent) -> None:
    program = """
    child = os.fork()
    if child == 0:
        os._exit(0 if os._exit is real else 1)
    assert ended(child) == 0
    """
    run(script(program), test_agent.url, "token")


def test_a_sigterm_on_the_way_out_loses_nothing(tmp_path: Path) -> None:
    asked = tmp_path / "asked"

    def late(connection: Any, request: Any) -> None:
        asked.touch()
        waits(0.5, says())(connection, request)

    with ScriptedAgent(late) as there:
        program = """
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
            writer.submit(chunk(2))
            os._exit(5)
        while not os.path.exists(sys.argv[3]):
            time.sleep(0.01)
        os.kill(child, signal.SIGTERM)
        assert ended(child) == 5
        """
        run(script(program), there.url, "token", str(asked))
        assert len(there.spans()) == 2


def test_an_agent_that_never_answers_holds_it_for_two_seconds_at_most() -> None:
    with ScriptedAgent(hangs()) as there:
        program = """
        child = os.fork()
        if child == 0:
            writer.submit(chunk(1))
            os._exit(0)
        began = time.monotonic()
        assert ended(child) == 0
        print(time.monotonic() - began)
        """
        # Without a limit it would be the minute that a request may take.
        assert float(run(script(program), there.url, "token").stdout) < 30


def test_what_breaks_on_the_way_out_does_not_keep_the_process() -> None:
    program = """
    from otel_dd_distro.export.hard_exit import before_hard_exit
    child = os.fork()
    if child == 0:
        before_hard_exit(lambda: 1 / 0)
        os._exit(9)
    assert ended(child) == 9
    """
    assert run(script(program), "http://127.0.0.1:1", "token").stderr == ""
