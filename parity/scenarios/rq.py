"""RQ: jobs that are enqueued, performed, retried, scheduled and that fail, in one trace with who enqueues them."""

from __future__ import annotations

import os
from datetime import timedelta
from fractions import Fraction

from redis import Redis
from redis.exceptions import ConnectionError as Unreachable
from rq import Callback, Queue, Repeat, Retry, SimpleWorker
from steps import saw, step

# Redis' own spans are not what is compared.
SETTINGS = {"DD_RQ_DISTRIBUTED_TRACING_ENABLED": "true", "DD_TRACE_REDIS_ENABLED": "false"}
SERVERS = ("redis_server",)

connection = Redis.from_url(os.environ["TEST_REDIS_URL"])
# What the same program has left there under the other tracer.
connection.flushdb()
queue = Queue("tea", connection=connection)


def work() -> None:
    SimpleWorker([queue], connection=connection).work(burst=True, logging_level="CRITICAL")


with step("enqueued and performed"):
    job = queue.enqueue("operator.add", 1, 2, job_id="one")
    work()
    assert job.return_value() == 3
    saw("meta", {key: value for key, value in sorted(job.meta.items()) if key == "x-datadog-sampling-priority"})

with step("with a meta of its own"):
    queue.enqueue("operator.add", 1, 2, job_id="two", meta={"cup": "big"})
    work()

with step("a method of an object"):
    queue.enqueue(Fraction(3, 4).limit_denominator, 2, job_id="three")
    work()

with step("a job that fails"):
    queue.enqueue("operator.truediv", 1, 0, job_id="four")
    work()

with step("a job that fails and is tried again"):
    queue.enqueue("operator.truediv", 1, 0, job_id="five", retry=Retry(max=1))
    work()

with step("a coroutine"):
    queue.enqueue("asyncio.sleep", 0, job_id="coroutine")
    work()

with step("a job that takes too long"):
    queue.enqueue("time.sleep", 60, job_id="slow", job_timeout=1)
    work()

with step("a job that is done again"):
    queue.enqueue("operator.add", 1, 2, job_id="again", repeat=Repeat(times=1))
    work()

with step("a job that tells of its end"):
    queue.enqueue("operator.add", 1, 2, job_id="told", on_success=Callback("builtins.slice"))
    queue.enqueue("operator.truediv", 1, 0, job_id="untold", on_failure=Callback("operator.truediv"))
    work()

with step("a job whose result nobody wants"):
    queue.enqueue("operator.add", 1, 2, job_id="six", result_ttl=0)
    work()

with step("a job that is no function"):
    queue.enqueue("nowhere.nothing", job_id="seven")
    work()

with step("a job that waits for another"):
    first = queue.enqueue("operator.add", 1, 2, job_id="eight")
    queue.enqueue("operator.add", 3, 4, job_id="nine", depends_on=first)
    work()

with step("at once"):
    Queue("now", connection=connection, is_async=False).enqueue("operator.add", 1, 2, job_id="ten")

with step("fetched"):
    found = queue.fetch_job("one")
    assert found is not None
    assert queue.fetch_job("none") is None

with step("several"):
    jobs = [Queue.prepare_data("operator.add", (1, number), job_id=f"many-{number}") for number in range(2)]
    queue.enqueue_many(jobs)
    work()

with step("scheduled"):
    queue.enqueue_in(timedelta(days=1), "operator.add", 1, 2, job_id="later")

with step("a server that is not there", Unreachable):
    Queue("tea", connection=Redis(port=1)).enqueue("operator.add", 1, 2, job_id="nobody")
