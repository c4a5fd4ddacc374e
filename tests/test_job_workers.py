"""Workers of RQ and Dramatiq under `opentelemetry-instrument`, on a real Redis, and what stands in the Agent after."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from typing import Any

import pytest
from rq import Queue

from tests.agents import Session
from tests.otel_instrumentors.test_rq import connected, queue_of
from tests.test_road import APPS, INSTRUMENT, environ
from tests.test_workers import traces

SLOW = {"DD_TRACE_WRITER_INTERVAL_SECONDS": "60"}
"""Nothing leaves in time by itself."""


@pytest.fixture
def queue(redis_server: str) -> Any:
    queue = queue_of(redis_server)
    yield queue
    queue.connection.close()


RQ = ([INSTRUMENT, "rq"], [sys.executable, "-m", "otel_dd_distro", "-m", "rq.cli"])
DRAMATIQ = ([INSTRUMENT, "dramatiq"], [sys.executable, "-m", "otel_dd_distro", "-m", "dramatiq"])
STARTS = ("opentelemetry-instrument", "otel_dd_distro")


def work(session: Session, redis: str, queue: Queue, *options: str, start: list[str] = RQ[0], **variables: str) -> None:
    """A worker that ends when the queue is empty."""
    command = [*start, "worker", "--url", redis, "--burst", *options, queue.name]
    done = subprocess.run(
        command, env=environ(session, **variables), cwd=APPS, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("start", RQ, ids=STARTS)
@pytest.mark.parametrize("kind", ["rq.worker.Worker", "rq.worker.SpawnWorker", "rq.worker.SimpleWorker"])
def test_a_process_for_each_job_loses_no_span(
    agent_session: Session, redis_server: str, queue: Queue, kind: str, start: list[str]
) -> None:
    for number in range(3):
        queue.enqueue("jobs.inside", f"box {number}")
    queue.enqueue("jobs.fails")
    asked = {"DD_TRACE_REDIS_ENABLED": "false", **SLOW}
    work(agent_session, redis_server, queue, "--worker-class", kind, start=start, **asked)

    spans = agent_session.spans()
    performed = "rq.worker.perform_job jobs.{0}{1}\n  rq.job.perform jobs.{0}{1}\n"
    assert sorted(traces(spans)) == sorted(
        [performed.format("inside", "") + f"    internal box {number}\n" for number in range(3)]
        + [performed.format("fails", " ValueError")]
    )
    processes = {span["metrics"]["process_id"] for span in spans if span["name"] == "rq.worker.perform_job"}
    assert len(processes) == (1 if kind.endswith("SimpleWorker") else 4)


def test_a_job_that_ends_its_process_is_told_as_far_as_it_came_and_costs_no_other_job_its_span(
    agent_session: Session, redis_server: str, queue: Queue
) -> None:
    queue.enqueue("jobs.exits")
    queue.enqueue("jobs.sleeps", job_timeout=1)
    queue.enqueue("jobs.inside", "box")
    work(agent_session, redis_server, queue, DD_TRACE_REDIS_ENABLED="false", **SLOW)

    late = "rq.timeouts.JobTimeoutException"
    spans = agent_session.spans()
    assert sorted(traces(spans)) == [
        "rq.worker.perform_job jobs.inside\n  rq.job.perform jobs.inside\n    internal box\n",
        f"rq.worker.perform_job jobs.sleeps {late}\n  rq.job.perform jobs.sleeps {late}\n",
        # The worker learns what the job is called when that is done.
        "rq.worker.perform_job rq.worker.perform_job\n  rq.job.perform jobs.exits\n",
    ]
    unfinished = [span["name"] for span in spans if "otel_dd.unfinished" in span["meta"]]
    assert sorted(unfinished) == ["rq.job.perform", "rq.worker.perform_job"]


def test_what_a_worker_asks_redis_for_itself_makes_no_trace(
    agent_session: Session, redis_server: str, queue: Queue
) -> None:
    queue.enqueue("jobs.inside", "box")
    work(agent_session, redis_server, queue, "--with-scheduler")

    spans = agent_session.spans()
    ids = {span["span_id"] for span in spans}
    assert [span["name"] for span in spans if span.get("parent_id", 0) not in ids] == ["rq.worker.perform_job"]
    assert [span for span in spans if span["name"] == "redis.command"], "what is stored of the job is traced"


@pytest.mark.parametrize("start", DRAMATIQ, ids=STARTS)
def test_the_processes_of_a_dramatiq_worker_lose_no_span_when_they_are_asked_to_end(
    agent_session: Session, redis_server: str, start: list[str]
) -> None:
    variables = {"BROKER": redis_server, "NAMESPACE": uuid.uuid4().hex, "DD_TRACE_REDIS_ENABLED": "false"}
    program = "import actors\nfor number in range(20): actors.inside.send(f'box {number}')"
    sending = [INSTRUMENT, sys.executable, "-c", program]
    subprocess.run(sending, env=environ(agent_session, **variables), cwd=APPS, timeout=120, check=True)
    worker = [*start, "actors", "--processes=2", "--threads=2"]
    with subprocess.Popen(
        worker, env=environ(agent_session, **variables, **SLOW), cwd=APPS, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until_empty(redis_server, variables["NAMESPACE"])
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said

    spans = agent_session.spans()
    assert sorted(traces(spans)) == sorted(
        "dramatiq.Actor.send_with_options dramatiq.Actor.send_with_options\n"
        f"  dramatiq.Worker.process_message inside\n    internal box {number}\n"
        for number in range(20)
    )


def wait_until_empty(url: str, namespace: str) -> None:
    """Until nothing is left of the messages: a worker takes away what it has processed."""
    client = connected(url)
    for _ in range(600):
        if not client.exists(f"{namespace}:default.msgs"):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("messages were not processed")
    client.close()
