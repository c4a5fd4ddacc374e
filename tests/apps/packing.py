"""A Celery application: `celery -A packing worker`. BROKER and BACKEND say over what."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from celery import Celery, signals
from celery.exceptions import Ignore, Reject
from opentelemetry import trace

app = Celery("packing", broker=os.environ["BROKER"], backend=os.environ["BACKEND"])
app.conf.update(
    task_default_queue=os.environ.get("QUEUE", "packing"),
    broker_connection_retry_on_startup=True,
    broker_heartbeat=int(os.environ.get("HEARTBEAT", "120")),
)


def current() -> str:
    return f"{trace.get_current_span().get_span_context().span_id:016x}"


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task
def inside(name: str) -> str:
    with trace.get_tracer("app").start_as_current_span(name):
        time.sleep(0.01)
    return current()


@app.task
def fails() -> None:
    raise ValueError("no box")


@app.task(throws=(KeyError,))
def fails_as_expected() -> None:
    raise KeyError("box")


@app.task(bind=True, max_retries=3)
def again(self: Any, times: int) -> int:
    if self.request.retries < times:
        raise self.retry(countdown=0, exc=ValueError("not yet"))
    return int(self.request.retries)


@app.task(acks_late=True)
def rejected() -> None:
    raise Reject("not mine", requeue=False)


@app.task
def ignored() -> None:
    raise Ignore


@app.task
def sleeps(seconds: float) -> None:
    time.sleep(seconds)


@app.task
def nothing_left() -> bool:
    """Whether nothing of earlier tasks is around this one but its own span."""
    span = trace.get_current_span()
    return span.is_recording() and span.name.endswith("nothing_left")  # type: ignore[attr-defined,no-any-return]


@app.task(bind=True)
def replaced(self: Any) -> Any:
    return self.replace(add.s(2, 3))


if os.environ.get("OWN_HANDLERS"):

    @signals.worker_process_init.connect(weak=False)
    def started(**_: Any) -> None:
        signal.signal(signal.SIGUSR2, lambda *_: os.write(1, b"mine SIGUSR2\n"))

    @signals.worker_process_shutdown.connect(weak=False)
    def ending(**_: Any) -> None:
        os.write(1, b"mine shutdown\n")


@app.task
def signalled() -> str:
    os.kill(os.getpid(), signal.SIGUSR2)
    time.sleep(0.05)
    return threading.current_thread().name


if os.environ.get("BEAT"):
    app.conf.beat_schedule = {"often": {"task": "packing.add", "schedule": 0.5, "args": (1, 2)}}
