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
    # A chord of several workers counts its parts there.
    result_expires=60,
    broker_connection_retry_on_startup=True,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    task_always_eager=False,
    timezone="UTC",
)


def current() -> str:
    return f"{trace.get_current_span().get_span_context().span_id:016x}"


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task(bind=True)
def whose(self: Any) -> tuple[int, str, Any]:
    """The process, the current span and the headers that a task sees."""
    return os.getpid(), current(), self.request.headers


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


@app.task(soft_time_limit=0.3)
def too_slow() -> None:
    time.sleep(10)


@app.task
def hands_on(depth: int) -> int:
    """Sends the next one itself."""
    if depth:
        hands_on.delay(depth - 1)
    return depth


@app.task(bind=True)
def replaced(self: Any) -> Any:
    return self.replace(add.s(2, 3))


if os.environ.get("OWN_HANDLERS"):
    # Those of the application, in the worker's processes.
    @signals.worker_process_init.connect(weak=False)
    def _started(**_: Any) -> None:
        signal.signal(signal.SIGUSR2, lambda *_: print("mine", flush=True))

    @app.task
    def signalled() -> str:
        os.kill(os.getpid(), signal.SIGUSR2)
        time.sleep(0.05)
        return threading.current_thread().name
