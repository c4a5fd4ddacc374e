"""Celery: tasks that are sent, run, retried and fail, over RabbitMQ, in one trace with what sends them."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from celery import Celery, chain, group, signals
from celery.beat import ScheduleEntry, Scheduler
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Ignore, Reject
from kombu.exceptions import OperationalError
from steps import step

SETTINGS = {"DD_CELERY_DISTRIBUTED_TRACING": "true", "PYTHONHASHSEED": "1"}
SERVERS = ("rabbitmq",)

app = Celery("tea", broker=os.environ["TEST_RABBITMQ_URL"], backend="cache+memory://")
# The heartbeat lets the worker end at once.
app.conf.update(task_default_queue="tea", worker_hijack_root_logger=False, broker_heartbeat=2)


@signals.task_received.connect
def received(**_: Any) -> None:
    # Until what sends the task is done with it.
    time.sleep(0.03)


@app.task
def brew(cups: int) -> int:
    return cups


@app.task
def pour(cups: int, more: int) -> int:
    return cups + more


@app.task(bind=True)
def again(self: Any) -> int:
    if not self.request.retries:
        raise self.retry(countdown=0, exc=ValueError("too hot"))
    return self.request.retries


@app.task
def spill() -> None:
    raise ValueError("spilt")


@app.task(throws=(KeyError,))
def expected() -> None:
    raise KeyError("sugar")


@app.task
def reject() -> None:
    raise Reject("cold", requeue=False)


@app.task
def ignore() -> None:
    raise Ignore


@app.task
def serve() -> int:
    return brew.apply_async((1,), task_id="from-inside").id == "from-inside"


@app.task
def at_once() -> int:
    return brew.apply((2,)).get()


with start_worker(app, pool="solo", perform_ping_check=False, loglevel="CRITICAL"):
    with step("delay"):
        assert brew.delay(1).get(timeout=10) == 1

    with step("apply_async, with much said"):
        said = {"priority": 4, "expires": 60, "time_limit": 20, "soft_time_limit": 10, "headers": {"x-cup": "big"}}
        assert brew.apply_async((1,), countdown=0.1, task_id="much-said", compression="zlib", **said).get(timeout=10)

    with step("at a time"):
        at = datetime.now(timezone.utc) + timedelta(seconds=0.2)
        assert brew.apply_async((1,), eta=at, time_limit=20).get(timeout=10) == 1

    with step("by name"):
        assert app.send_task("tea.brew", (3,)).get(timeout=10) == 3

    with step("a name that the sender does not know"):
        front = Celery("front", broker=os.environ["TEST_RABBITMQ_URL"], set_as_current=False)
        front.conf.task_default_queue = "elsewhere"
        front.send_task("other.task", (3,))

    with step("a chain"):
        assert chain(brew.s(1), pour.s(2), pour.s(3)).delay().get(timeout=10) == 6

    with step("a group"):
        assert group([pour.s(1, 1)]).delay().get(timeout=10) == [2]

    with step("a retry"):
        assert again.delay().get(timeout=10) == 1

    with step("a failure", ValueError):
        spill.delay().get(timeout=10)

    with step("an expected failure", KeyError):
        expected.delay().get(timeout=10)

    with step("rejected"):
        reject.delay()
        assert brew.delay(1).get(timeout=10) == 1

    with step("ignored"):
        ignore.delay()
        assert brew.delay(1).get(timeout=10) == 1

    with step("a task that sends one"):
        assert serve.delay().get(timeout=10)
        assert app.AsyncResult("from-inside").get(timeout=10) == 1

    with step("a task that runs one at once"):
        assert at_once.delay().get(timeout=10) == 2

    with step("applied here"):
        assert brew.apply((4,)).get() == 4

    with step("applied here, and fails", ValueError):
        spill.apply(throw=True)

    with step("the beat"):
        scheduler = Scheduler(app, lazy=True)
        scheduler.apply_entry(ScheduleEntry("daily", "tea.brew", schedule=60.0, args=(1,), app=app))
        scheduler.tick()
        assert brew.delay(1).get(timeout=10) == 1

    with step("a broker that is not there", OperationalError):
        app.conf.update(task_publish_retry=False)
        with Celery("x", broker="amqp://127.0.0.1:1//", set_as_current=False).connection_for_write() as nowhere:
            nowhere.transport_options = {"max_retries": 1, "interval_start": 0}
            brew.apply_async((1,), connection=nowhere)
