"""RQ with nothing of DD_RQ_* set: ddtrace leaves apart what enqueues a job and what performs it."""

from __future__ import annotations

import os

from redis import Redis
from rq import Queue, SimpleWorker
from steps import step

SETTINGS = {"DD_TRACE_REDIS_ENABLED": "false"}
SERVERS = ("redis_server",)

connection = Redis.from_url(os.environ["TEST_REDIS_URL"])
# What the same program has left there under the other tracer.
connection.flushdb()
queue = Queue("tea", connection=connection)

with step("enqueued and performed"):
    queue.enqueue("operator.add", 1, 2, job_id="apart")
    SimpleWorker([queue], connection=connection).work(burst=True, logging_level="CRITICAL")
