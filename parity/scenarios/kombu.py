"""Kombu: messages published and received, over RabbitMQ and in memory; errors on both sides."""

from __future__ import annotations

import os
from typing import Any

from kombu import Connection, Consumer, Exchange, Queue
from kombu.exceptions import EncodeError, OperationalError
from steps import saw, step

SETTINGS = {"DD_TRACE_KOMBU_ENABLED": "true"}
SERVERS = ("rabbitmq",)

cups = Exchange("cups", "direct")
green = Queue("green", cups, routing_key="leaf")
seen: list[Any] = []


def received(body: Any, message: Any) -> None:
    message.ack()
    seen.append(message.headers)


def breaks(body: Any, message: Any) -> None:
    message.ack()
    raise ValueError("no cup")


connection = Connection(os.environ["TEST_RABBITMQ_URL"])
consumer = Consumer(connection, [green], callbacks=[received])
consumer.consume()
producer = connection.Producer()

with step("published and received"):
    producer.publish({"cup": 1}, exchange=cups, routing_key="leaf", headers={"x-cup": "big"})
    connection.drain_events(timeout=5)
    saw("headers", {key: str(value) for key, value in seen.pop().items() if key != "tracestate"})

with step("a text, with its properties"):
    producer.publish("tea", exchange="cups", routing_key="leaf", priority=3, expiration=5, compression="zlib")
    connection.drain_events(timeout=5)
    seen.clear()

with step("many, and one after the other"):
    for number in range(3):
        producer.publish(number, exchange=cups, routing_key="leaf", retry=True)
    while len(seen) < 3:
        connection.drain_events(timeout=5)

with step("a callback that fails", ValueError):
    producer.publish("tea", exchange=cups, routing_key="leaf")
    consumer.callbacks = [breaks]
    connection.drain_events(timeout=5)

consumer.cancel()

with step("a simple queue"), connection.SimpleQueue("simple") as queue:
    queue.put({"cup": 2})
    message = queue.get(timeout=5)
    message.ack()
    assert message.payload == {"cup": 2}

with step("the exchange without a name"):
    producer.publish("tea", routing_key="nobody")

with step("what cannot be written", EncodeError):
    producer.publish(object(), exchange=cups, routing_key="leaf", serializer="json")

with step("a broker that is not there", OperationalError, OSError):
    policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
    Connection("amqp://127.0.0.1:1//", transport_options=policy).Producer().publish("tea", routing_key="leaf")

with step("in memory"), Connection("memory://") as memory, memory.SimpleQueue("simple") as queue:
    queue.put({"cup": 3})
    assert queue.get(timeout=5).payload == {"cup": 3}

connection.release()
