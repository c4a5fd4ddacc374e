"""Celery and kombu, both watched: how many spans one message makes."""

from __future__ import annotations

import os
import time
from typing import Any

from celery import Celery, signals
from celery.contrib.testing.worker import start_worker
from steps import step

SETTINGS = {"DD_CELERY_DISTRIBUTED_TRACING": "true", "DD_TRACE_KOMBU_ENABLED": "true", "PYTHONHASHSEED": "1"}
SERVERS = ("rabbitmq",)

app = Celery("tea", broker=os.environ["TEST_RABBITMQ_URL"], backend="cache+memory://")
# The heartbeat lets the worker end at once.
app.conf.update(task_default_queue="both", worker_hijack_root_logger=False, broker_heartbeat=2)


@signals.task_received.connect
def received(**_: Any) -> None:
    # Until what sends the task is done with it.
    time.sleep(0.03)


@app.task
def brew(cups: int) -> int:
    return cups


with start_worker(app, pool="solo", perform_ping_check=False, loglevel="CRITICAL"):
    with step("a task"):
        assert brew.delay(1).get(timeout=10) == 1
    with step("a message beside"), app.connection_for_write() as connection:
        connection.Producer().publish("tea", routing_key="nobody")
