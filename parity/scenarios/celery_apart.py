"""Celery with nothing of DD_* set: ddtrace leaves apart what sends a task and what runs it."""

from __future__ import annotations

import os
import time
from typing import Any

from celery import Celery, signals
from celery.contrib.testing.worker import start_worker
from steps import step

SETTINGS = {"PYTHONHASHSEED": "1"}
SERVERS = ("rabbitmq",)

app = Celery("tea", broker=os.environ["TEST_RABBITMQ_URL"], backend="cache+memory://")
# The heartbeat lets the worker end at once.
app.conf.update(task_default_queue="apart", worker_hijack_root_logger=False, broker_heartbeat=2)


@signals.task_received.connect
def received(**_: Any) -> None:
    time.sleep(0.03)


@app.task
def brew(cups: int) -> int:
    return cups


with start_worker(app, pool="solo", perform_ping_check=False, loglevel="CRITICAL"), step("delay"):
    assert brew.delay(1).get(timeout=10) == 1
