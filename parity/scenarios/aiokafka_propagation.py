"""aiokafka: messages that bear the context of their senders, one and several."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import urlsplit

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from steps import saw, step

SETTINGS = {"DD_KAFKA_PROPAGATION_ENABLED": "true"}
SERVERS = ("kafka_server",)

BROKER = urlsplit(os.environ["TEST_KAFKA_URL"]).netloc
TOPIC = "parity-aiokafka-propagation"


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

    with step("one more sent"):
        await producer.send_and_wait(TOPIC, b"white")

    with step("several got at once"):
        found: list[bytes | None] = []
        while len(found) < 2:
            for records in (await consumer.getmany(timeout_ms=60_000)).values():
                found += [record.value for record in records]
        assert found == [b"black", b"white"]

    await consumer.stop()
    await producer.stop()


asyncio.run(main())
