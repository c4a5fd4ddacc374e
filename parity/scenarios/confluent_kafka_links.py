"""confluent-kafka: messages linked to their senders, one and several."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from steps import saw, step

SETTINGS = {"DD_KAFKA_PROPAGATION_ENABLED": "true", "DD_TRACE_PROPAGATION_AS_SPAN_LINKS": "kafka"}
SERVERS = ("kafka_server",)

BROKER = urlsplit(os.environ["TEST_KAFKA_URL"]).netloc
TOPIC = "parity-confluent-kafka-links"

admin = AdminClient({"bootstrap.servers": BROKER})
for _ in range(2):
    # Offsets are to be those of each run before.
    try:
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(60)
    except KafkaException:
        admin.delete_topics([TOPIC])[TOPIC].result(60)
    else:
        break
producer = Producer({"bootstrap.servers": BROKER})
consumer = Consumer({"bootstrap.servers": BROKER, "group.id": "tea"})
consumer.assign([TopicPartition(TOPIC, 0, 0)])
producer.produce(TOPIC, "the first")
producer.flush(60)
assert consumer.poll(60).value() == b"the first"

with step("without headers"):
    producer.produce(TOPIC, "green")
    producer.flush(60)
    message = consumer.poll(60)
    saw("headers", {key: value.decode() for key, value in message.headers() or () if key != "tracestate"})

with step("with headers in a dict"):
    producer.produce(TOPIC, "black", headers={"x-cup": "big", "x-none": None})
    producer.flush(60)
    message = consumer.poll(60)
    saw("headers", {key: str(value) for key, value in message.headers() or () if key != "tracestate"})

with step("several at once"):
    for value in ("white", "oolong", "jasmine"):
        producer.produce(TOPIC, value)
    producer.flush(60)
    found: list[Message] = []
    while len(found) < 3:
        found += consumer.consume(3 - len(found), 60)

consumer.close()
