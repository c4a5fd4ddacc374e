"""Dramatiq: messages that are sent to actors, and processed by a worker, over Redis."""

from __future__ import annotations

import asyncio
import logging
import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from redis.exceptions import ConnectionError as Unreachable
from steps import step

# Redis' own spans are not what is compared.
SETTINGS = {"DD_TRACE_REDIS_ENABLED": "false"}
SERVERS = ("redis_server",)

logging.disable()
broker = RedisBroker(url=os.environ["TEST_REDIS_URL"], namespace="parity")
# What the same program has left there under the other tracer.
broker.client.flushdb()
broker.add_middleware(AsyncIO())
broker.add_middleware(Results(backend=RedisBackend(client=broker.client)))
dramatiq.set_broker(broker)


@dramatiq.actor(max_retries=1, min_backoff=1, max_backoff=1)
def brew(cups: int) -> None:
    if not cups:
        raise ValueError("no cup")


@dramatiq.actor
def pour() -> None:
    pass


@dramatiq.actor(store_results=True)
async def steep(cups: int) -> int:
    await asyncio.sleep(0)
    return cups


def work() -> None:
    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    broker.join(brew.queue_name)
    worker.join()
    worker.stop()


with step("sent"):
    brew.send(1)

with step("sent with options"):
    brew.send_with_options(args=(2,), delay=1, max_age=60_000)

with step("another actor"):
    pour.send()

with step("processed"):
    work()

with step("made by hand"):
    broker.enqueue(pour.message())

with step("a group"):
    dramatiq.group([pour.message(), brew.message(1)]).run()

with step("an actor that is awaited, whose result is asked for"):
    message = steep.send(2)
    work()
    assert message.get_result(block=True) == 2

with step("a message that fails, twice"):
    brew.send(0)
    work()

with step("a server that is not there", dramatiq.errors.ConnectionClosed, Unreachable):
    away = RedisBroker(url="redis://127.0.0.1:1", namespace="parity")
    dramatiq.actor(actor_name="away", broker=away)(lambda: None).send()
