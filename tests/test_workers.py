"""Celery's workers under `opentelemetry-instrument`, on real brokers, and what stands in the Agent after."""

from __future__ import annotations

import signal
import subprocess
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agents import Session
from tests.test_road import APPS, INSTRUMENT, environ

CANVAS = """
from celery import chain, chord, group
print(add.delay(1, 2).get(timeout=60))
print(app.send_task("packing.total", ([1, 2],)).get(timeout=60))
print(chain(add.s(1, 2), add.s(3)).delay().get(timeout=60))
print(group(add.s(1, 2), add.s(3, 4)).delay().get(timeout=60))
print(chord([add.s(1, 2), add.s(3, 4)], total.s()).delay().get(timeout=60))
print(again.delay(2).get(timeout=60))
print(inside.apply_async(("boxes",), countdown=0.2).get(timeout=60) != "0" * 16)
print(replaced.delay().get(timeout=60))
for task in (fails, fails_as_expected):
    try:
        task.delay().get(timeout=60)
    except (ValueError, KeyError) as error:
        print(repr(error))
print(nothing_left.delay().get(timeout=60))
"""
SAID = """3
3
6
[3, 7]
10
2
True
5
ValueError('no box')
KeyError('box')
True
"""
ADDED = "celery.apply packing.add\n  celery.run packing.add\n"
TRACES = [
    ADDED,
    "celery.apply packing.total\n  celery.run packing.total\n",
    ADDED + "    celery.apply packing.add\n      celery.run packing.add\n",
    # The group and the chord have nothing around them: each of their tasks is a trace, the chord's last one goes on.
    ADDED,
    ADDED,
    ADDED,
    ADDED + "    celery.apply packing.total\n      celery.run packing.total\n",
    (
        "celery.apply packing.again\n  celery.run packing.again RETRY\n"
        "    celery.apply packing.again\n      celery.run packing.again RETRY\n"
        "        celery.apply packing.again\n          celery.run packing.again\n"
    ),
    "celery.apply packing.inside\n  celery.run packing.inside\n    internal boxes\n",
    (
        "celery.apply packing.replaced\n  celery.run packing.replaced IGNORED\n"
        "    celery.apply packing.add\n      celery.run packing.add\n"
    ),
    "celery.apply packing.fails\n  celery.run packing.fails FAILURE ValueError\n",
    "celery.apply packing.fails_as_expected\n  celery.run packing.fails_as_expected FAILURE\n",
    "celery.apply packing.nothing_left\n  celery.run packing.nothing_left\n",
]


@pytest.fixture
def brokers(request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables of the application: RabbitMQ or Redis to send over, Redis for the results."""
    results = request.getfixturevalue("redis_server")
    broker = request.getfixturevalue(getattr(request, "param", "redis_server"))
    # Redis' own spans are not what these tests are about.
    return {"BROKER": broker, "BACKEND": results, "QUEUE": f"q{time.time_ns()}", "DD_TRACE_REDIS_ENABLED": "false"}


@contextmanager
def worker(session: Session, variables: dict[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    """A worker that is ended in the end, and has then sent all that it had."""
    command = [INSTRUMENT, "celery", "-A", "packing", "worker", "--loglevel", "INFO", "--without-gossip", *options]
    with subprocess.Popen(
        [*command, "--without-mingle", "--without-heartbeat"],
        env=environ(session, PYTHONFAULTHANDLER="1", **variables),
        cwd=APPS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                output = process.communicate(timeout=60)[0]
            except subprocess.TimeoutExpired:
                # Where does it hang?
                process.send_signal(signal.SIGABRT)
                output = process.communicate()[0]
        assert process.returncode == 0, output
        process.said = output  # type: ignore[attr-defined]


def send(session: Session, variables: dict[str, str], program: str) -> str:
    done = subprocess.run(
        [INSTRUMENT, "python", "-c", "from packing import *\n" + textwrap.dedent(program)],
        env=environ(session, **variables),
        cwd=APPS,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def traces(spans: list[dict[str, Any]]) -> list[str]:
    """Each trace as lines, below one another as the spans are."""
    ids = {span["span_id"] for span in spans}

    def below(parent: int, depth: int) -> str:
        children = [span for span in spans if span.get("parent_id", 0) == parent]
        return "".join(lines(span, depth) for span in sorted(children, key=lambda span: span["start"]))

    def lines(span: dict[str, Any], depth: int) -> str:
        words = [span["name"], span["resource"], span["meta"].get("celery.state", "")]
        if span.get("error"):
            words.append(span["meta"]["error.type"].removeprefix("builtins."))
        said = " ".join(word for word in words if word not in ("", "SUCCESS"))
        return "  " * depth + said + "\n" + below(span["span_id"], depth + 1)

    return [lines(span, 0) for span in spans if span.get("parent_id", 0) not in ids]


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo", "gevent"])
@pytest.mark.parametrize("brokers", ["rabbitmq", "redis_server"], indirect=True)
def test_everything_that_is_sent_is_joined_with_what_is_run(
    agent_session: Session, brokers: dict[str, str], pool: str
) -> None:
    if pool != "gevent":
        # A worker that is asked to end hears of it ten seconds later, where nothing comes from RabbitMQ; the one with
        # greenlets would then not end at all, traced or not.
        brokers["HEARTBEAT"] = "2"
    with worker(agent_session, brokers, "--pool", pool, "--concurrency", "2"):
        assert send(agent_session, brokers, CANVAS) == SAID

    spans = agent_session.spans()
    assert sorted(traces(spans)) == sorted(TRACES)
    assert len({span["span_id"] for span in spans}) == len(spans)
    assert {span["service"] for span in spans if span["name"] == "celery.apply"} == {"celery-producer"}
    assert {span["service"] for span in spans if span["name"] == "celery.run"} == {"celery-worker"}


def test_a_process_for_each_task_loses_no_span(agent_session: Session, brokers: dict[str, str]) -> None:
    # One after the other: celery itself loses a task now and then where they wait for a process that goes.
    program = "print(len({inside.delay(f'box {number}').get(timeout=60) for number in range(4)}))"
    # Nothing leaves in time by itself.
    slow = {**brokers, "DD_TRACE_WRITER_INTERVAL_SECONDS": "60"}
    with worker(agent_session, slow, "--concurrency", "1", "--max-tasks-per-child", "1"):
        assert send(agent_session, brokers, program) == "4\n"

    spans = agent_session.spans()
    assert sorted(traces(spans)) == [
        f"celery.apply packing.inside\n  celery.run packing.inside\n    internal box {number}\n" for number in range(4)
    ]
    assert len({span["metrics"]["process_id"] for span in spans if span["name"] == "celery.run"}) == 4


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo", "gevent"])
def test_a_worker_that_is_asked_to_end_loses_no_span(
    agent_session: Session, brokers: dict[str, str], pool: str
) -> None:
    slow = {**brokers, "DD_TRACE_WRITER_INTERVAL_SECONDS": "60"}
    with worker(agent_session, slow, "--pool", pool, "--concurrency", "2"):
        send(agent_session, brokers, "[result.get(timeout=60) for result in [add.delay(1, 2) for _ in range(20)]]")

    assert Counter(span["name"] for span in agent_session.spans()) == {"celery.apply": 20, "celery.run": 20}


def test_the_applications_signal_handlers_are_left_to_it(agent_session: Session, brokers: dict[str, str]) -> None:
    with worker(agent_session, {**brokers, "OWN_HANDLERS": "1"}, "--concurrency", "1") as process:
        assert send(agent_session, brokers, "print(signalled.delay().get(timeout=60))") == "MainThread\n"
    assert "mine SIGUSR2" in process.said  # type: ignore[attr-defined]
    assert "mine shutdown" in process.said  # type: ignore[attr-defined]
    assert len(agent_session.spans()) == 2


def test_time_limits_are_errors_and_the_next_task_is_traced(agent_session: Session, brokers: dict[str, str]) -> None:
    program = """
    from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded
    for limits in ({"soft_time_limit": 0.3}, {"time_limit": 2}):
        try:
            sleeps.apply_async((10,), **limits).get(timeout=60)
        except (SoftTimeLimitExceeded, TimeLimitExceeded) as error:
            print(type(error).__name__)
    print(add.delay(1, 2).get(timeout=60))
    """
    with worker(agent_session, brokers, "--concurrency", "1"):
        assert send(agent_session, brokers, program) == "SoftTimeLimitExceeded\nTimeLimitExceeded\n3\n"

    slept = "celery.apply packing.sleeps\n  celery.run packing.sleeps"
    found = Counter(traces(agent_session.spans()))
    assert found.total() == 3
    assert found[ADDED] == 1
    assert found[f"{slept} FAILURE billiard.exceptions.SoftTimeLimitExceeded\n"] == 1
    # After a hard limit the process has a tenth of a second until it is killed: its run may arrive, or not.


def test_what_is_sent_late_and_acknowledged_late_is_traced_once(
    agent_session: Session, brokers: dict[str, str]
) -> None:
    program = """
    rejected.delay(); ignored.delay()
    print(add.apply_async((1, 2), acks_late=True, priority=5, expires=60, headers={"x-box": "1"}).get(timeout=60))
    """
    with worker(agent_session, brokers, "--concurrency", "1"):
        assert send(agent_session, brokers, program) == "3\n"

    assert sorted(traces(agent_session.spans())) == sorted(
        [
            ADDED,
            "celery.apply packing.rejected\n  celery.run packing.rejected REJECTED\n",
            "celery.apply packing.ignored\n  celery.run packing.ignored IGNORED\n",
        ]
    )


def test_with_kombu_switched_on_a_task_is_still_two_spans(agent_session: Session, brokers: dict[str, str]) -> None:
    asked = {**brokers, "DD_TRACE_KOMBU_ENABLED": "true"}
    with worker(agent_session, asked, "--concurrency", "1"):
        assert send(agent_session, asked, "print(add.delay(1, 2).get(timeout=60))") == "3\n"
    tasks = [trace for trace in traces(agent_session.spans()) if "packing" in trace]
    assert tasks == [ADDED]


def test_a_worker_with_its_beat_traces_what_the_beat_sends(
    agent_session: Session, brokers: dict[str, str], tmp_path: Path
) -> None:
    with worker(agent_session, {**brokers, "BEAT": "1"}, "--concurrency", "1", "-B", "-s", str(tmp_path / "schedule")):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not any(span["name"] == "celery.run" for span in agent_session.spans()):
            time.sleep(0.2)
    assert (
        "celery.beat.tick celery.beat.tick\n"
        "  celery.beat.apply_entry often\n"
        "    celery.apply packing.add\n"
        "      celery.run packing.add\n"
    ) in traces(agent_session.spans())


def test_what_a_worker_asks_redis_for_itself_makes_no_trace(agent_session: Session, brokers: dict[str, str]) -> None:
    traced = {**brokers, "DD_TRACE_REDIS_ENABLED": "true"}
    # With all that it says to other workers, and looks after.
    command = [INSTRUMENT, "celery", "-A", "packing", "worker", "--concurrency", "1", "--loglevel", "INFO"]
    with subprocess.Popen(
        command, env=environ(agent_session, **traced), cwd=APPS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            said = send(agent_session, brokers, "print([add.delay(1, number).get(timeout=60) for number in range(5)])")
        finally:
            process.terminate()
            process.wait(60)
    assert said == "[1, 2, 3, 4, 5]\n"
    spans = agent_session.spans()
    ids = {span["span_id"] for span in spans}
    roots = Counter(span["name"] for span in spans if span.get("parent_id", 0) not in ids)
    assert roots == {"celery.apply": 5}
    assert Counter(span["name"] for span in spans)["celery.run"] == 5
    assert [span for span in spans if span["name"] == "redis.command"], "the results that tasks store are traced"
