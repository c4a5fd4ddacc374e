"""aio-pika: messages published, consumed, got and iterated over; ddtrace knows nothing of them."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from typing import Any

import aio_pika
from steps import saw, step

SERVERS = ("rabbitmq",)


async def main() -> None:
    async with await aio_pika.connect(os.environ["TEST_RABBITMQ_URL"]) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("parity-aio-pika", exclusive=True)
        exchange = await channel.declare_exchange("parity-aio-pika", "topic", auto_delete=True)
        await queue.bind(exchange, "leaf.*")
        done = asyncio.Event()

        async def callback(incoming: Any) -> None:
            saw("consumed", {"body": incoming.body.decode(), "x-cup": str(incoming.headers["x-cup"])})
            await incoming.ack()
            done.set()

        with step("published and consumed"):
            await exchange.publish(aio_pika.Message(b"tea", headers={"x-cup": "big"}), "leaf.green")
            tag = await queue.consume(callback)
            await asyncio.wait_for(done.wait(), 60)
            await queue.cancel(tag)
            await asyncio.sleep(0.05)

        with step("published and iterated over"):
            await channel.default_exchange.publish(aio_pika.Message(b"tea"), queue.name)
            async with queue.iterator() as iterator:
                async for incoming in iterator:
                    saw("iterated", {"body": incoming.body.decode()})
                    await incoming.ack()
                    break

        with step("nothing there"):
            saw("got", {"message": str(await queue.get(fail=False))})

        with step("a statement beside them"), sqlite3.connect(":memory:") as database:
            database.execute("SELECT 1")


asyncio.run(main())
