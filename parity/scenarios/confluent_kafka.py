"""confluent-kafka: messages produced and consumed, one and many, serialized, in a transaction; failures."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from confluent_kafka import (
    Consumer,
    DeserializingConsumer,
    KafkaException,
    Producer,
    SerializingProducer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.error import ConsumeError, ValueDeserializationError, ValueSerializationError
from confluent_kafka.serialization import StringDeserializer, StringSerializer
from steps import saw, step

SERVERS = ("kafka_server",)

BROKER = urlsplit(os.environ["TEST_KAFKA_URL"]).netloc
TOPIC = "parity-confluent-kafka"


def fresh(topic: str) -> None:
    """The topic with nothing in it: offsets are to be those of each run before."""
    admin = AdminClient({"bootstrap.servers": BROKER})
    for _ in range(2):
        try:
            admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)
        except KafkaException:
            admin.delete_topics([topic])[topic].result(60)
        else:
            break


def consumer(kind: Any = Consumer, **settings: Any) -> Any:
    made = kind({"bootstrap.servers": BROKER, "group.id": "tea", "enable.auto.commit": False, **settings})
    made.assign([TopicPartition(TOPIC, 0, 0)])
    return made


fresh(TOPIC)
producer = Producer({"bootstrap.servers": BROKER})
reader = consumer()

with step("one produced"):
    producer.produce(TOPIC, b"green", key=b"leaf", headers={"x-cup": b"big"})
    producer.flush(60)

with step("one polled"):
    message = reader.poll(60)
    assert (message.value(), message.key()) == (b"green", b"leaf")
    saw("headers", {key: str(value) for key, value in message.headers()})

with step("nothing to poll"):
    assert reader.poll(0) is None

with step("nothing to consume"):
    assert reader.consume(5, 0) == []

with step("several produced, a key that is text, none, and a partition"):
    producer.produce(TOPIC, "black", "leaf")
    producer.produce(TOPIC, "white")
    producer.produce(TOPIC, "oolong", partition=0)
    producer.flush(60)

with step("several produced together"):
    producer.produce_batch(f"{TOPIC}-together", [{"value": b"green"}, {"value": b"black", "key": b"leaf"}])
    producer.flush(60)

with step("several consumed at once"):
    found: list[Any] = []
    while len(found) < 3:
        found += reader.consume(3 - len(found), 60)
    assert [each.value() for each in found] == [b"black", b"white", b"oolong"]

with step("a tombstone"):
    producer.produce(TOPIC, key="leaf")
    producer.flush(60)
    assert reader.poll(60).value() is None

with step("committed"):
    reader.commit(asynchronous=False)

with step("a partition without an end"):
    at_end = consumer(**{"enable.partition.eof": True})
    at_end.assign([TopicPartition(TOPIC, 0, 5)])
    event = at_end.poll(60)
    assert event.error().name() == "_PARTITION_EOF"
    at_end.close()

with step("what cannot be produced", TypeError):
    producer.produce(TOPIC, object())

with step("a message too large", KafkaException):
    producer.produce(TOPIC, b"x" * 2_000_000)

with step("a consumer that is closed", RuntimeError):
    closed = consumer()
    closed.close()
    closed.poll(0)

with step("serialized"):
    serializing = SerializingProducer(
        {"bootstrap.servers": BROKER, "key.serializer": StringSerializer(), "value.serializer": StringSerializer()}
    )
    serializing.produce(TOPIC, key="leaf", value="jasmine")
    serializing.flush(60)

with step("what cannot be serialized", ValueSerializationError):
    serializing.produce(TOPIC, key="leaf", value=7)


def breaks(value: Any, context: Any) -> Any:
    raise ValueError("no cup")


deserializing = consumer(
    DeserializingConsumer, **{"key.deserializer": StringDeserializer(), "value.deserializer": StringDeserializer()}
)
deserializing.assign([TopicPartition(TOPIC, 0, 5)])
breaking = consumer(DeserializingConsumer, **{"value.deserializer": breaks})

with step("deserialized"):
    message = deserializing.poll(60)
    assert (message.key(), message.value()) == ("leaf", "jasmine")

with step("what cannot be deserialized", ValueDeserializationError):
    breaking.poll(60)

with step("an offset that is not there", ConsumeError):
    lost = consumer(DeserializingConsumer, **{"auto.offset.reset": "error"})
    lost.assign([TopicPartition(TOPIC, 0, 1_000)])
    lost.poll(60)

with step("in a transaction"):
    transactional = Producer({"bootstrap.servers": BROKER, "transactional.id": "parity-confluent-kafka"})
    transactional.init_transactions(60)
    transactional.begin_transaction()
    transactional.produce(TOPIC, b"earl grey", key=b"leaf")
    transactional.commit_transaction(60)

for each in (reader, deserializing, breaking, lost):
    each.close()
