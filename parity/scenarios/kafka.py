"""kafka-python: messages sent and got, one and several; ddtrace knows nothing of them."""

from __future__ import annotations

import os
import sqlite3
import uuid
import warnings
from urllib.parse import urlsplit

# The library uses what Python has deprecated.
warnings.simplefilter("ignore", DeprecationWarning)

from kafka import KafkaConsumer, KafkaProducer, TopicPartition  # noqa: E402
from steps import saw, step  # noqa: E402

SETTINGS = {"DD_KAFKA_PROPAGATION_ENABLED": "true"}
SERVERS = ("kafka_server",)

BROKER = urlsplit(os.environ["TEST_KAFKA_URL"]).netloc
TOPIC = f"parity-kafka-{uuid.uuid4()}"

producer = KafkaProducer(bootstrap_servers=BROKER)
consumer = KafkaConsumer(bootstrap_servers=BROKER, group_id="tea", consumer_timeout_ms=60_000)

with step("sent and iterated over"):
    metadata = producer.send(TOPIC, b"green", key=b"leaf", headers=[("x-cup", b"big")]).get(60)
    place = TopicPartition(TOPIC, metadata.partition)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    record = next(consumer)
    saw("message", {"value": record.value.decode(), "x-cup": dict(record.headers)["x-cup"].decode()})

with step("several at once"):
    for value in (b"black", b"white"):
        producer.send(TOPIC, value).get(60)
    found: list[bytes] = []
    while len(found) < 2:
        for records in consumer.poll(60_000).values():
            found += [record.value for record in records]
    saw("messages", {"values": str(found)})

with step("nothing there"):
    assert consumer.poll(0) == {}

with step("a statement"):
    sqlite3.connect(":memory:").execute("SELECT 1").fetchall()

consumer.close()
producer.close()
