"""aiokafka: messages sent and got, one and several; what fails on both sides."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import urlsplit

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from steps import saw, step

SERVERS = ("kafka_server",)

BROKER = urlsplit(os.environ["TEST_KAFKA_URL"]).netloc
TOPIC = "parity-aiokafka"


async def fresh(topic: str) -> None:
    """The topic with nothing in it: offsets are to be those of each run before."""
    admin = AIOKafkaAdminClient(bootstrap_servers=BROKER)
    await admin.start()
    if topic in await admin.list_topics():
        await admin.delete_topics([topic])
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()


async def main() -> None:
    await fresh(TOPIC)
    place = TopicPartition(TOPIC, 0)
    producer = AIOKafkaProducer(bootstrap_servers=BROKER)
    await producer.start()
    await producer.partitions_for(TOPIC)
    consumer = AIOKafkaConsumer(bootstrap_servers=BROKER, group_id="tea", auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([place])

    with step("sent and waited for"):
        await producer.send_and_wait(TOPIC, b"green", key=b"leaf", headers=[("x-cup", b"big")])

    with step("got"):
        record = await asyncio.wait_for(consumer.getone(), 60)
        assert (record.value, record.key) == (b"green", b"leaf")
        saw("headers", {key: value.decode() for key, value in record.headers if key != "tracestate"})

    with step("sent to a partition"):
        await producer.send_and_wait(TOPIC, b"black", partition=0)

    with step("sent while another is on its way"):
        await asyncio.gather(*[await producer.send(TOPIC, value, b"leaf") for value in (b"white", b"oolong")])

    with step("sent together"):
        batch = producer.create_batch()
        for value in (b"green", b"black"):
            batch.append(key=None, value=value, timestamp=None)
        await (await producer.send_batch(batch, f"{TOPIC}-together", partition=0))

    with step("several got at once"):
        found: list[bytes | None] = []
        while len(found) < 3:
            for records in (await consumer.getmany(timeout_ms=60_000)).values():
                found += [record.value for record in records]
        assert found == [b"black", b"white", b"oolong"]

    with step("a tombstone"):
        await producer.send_and_wait(TOPIC, None, b"leaf")
        assert (await asyncio.wait_for(consumer.getone(), 60)).value is None

    with step("iterated over"):
        await producer.send_and_wait(TOPIC, b"jasmine")
        async for record in consumer:
            assert record.value == b"jasmine"
            break

    with step("nothing to get"):
        assert await consumer.getmany() == {}

    with step("waited for in vain", asyncio.TimeoutError):
        await asyncio.wait_for(consumer.getone(), 0.05)

    with step("committed"):
        await consumer.commit()

    with step("what cannot be sent", KafkaError):
        await producer.send(TOPIC, b"x" * 2_000_000)

    with step("without anything", AssertionError):
        await producer.send(TOPIC)

    await consumer.stop()
    await producer.stop()


asyncio.run(main())
