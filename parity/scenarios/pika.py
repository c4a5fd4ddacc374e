"""Pika: messages published, consumed, got and asked for; ddtrace knows nothing of them."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import pika
from steps import saw, step

SERVERS = ("rabbitmq",)

connection = pika.BlockingConnection(pika.URLParameters(f"{os.environ['TEST_RABBITMQ_URL'].rstrip('/')}/%2F"))
channel = connection.channel()
channel.queue_declare("parity-pika", exclusive=True)
channel.exchange_declare("parity-pika", "topic", auto_delete=True)
channel.queue_bind("parity-pika", "parity-pika", "leaf.*")


def callback(channel: Any, method: Any, properties: Any, body: bytes) -> None:
    saw("consumed", {"body": body.decode(), "x-cup": (properties.headers or {}).get("x-cup")})
    channel.basic_ack(method.delivery_tag)
    channel.stop_consuming()


with step("published and consumed"):
    channel.basic_publish("parity-pika", "leaf.green", b"tea", pika.BasicProperties(headers={"x-cup": "big"}))
    channel.basic_consume("parity-pika", callback)
    channel.start_consuming()

with step("published and generated"):
    channel.basic_publish("", "parity-pika", b"tea")
    for method, _properties, body in channel.consume("parity-pika"):
        saw("generated", {"body": body.decode()})
        channel.basic_ack(method.delivery_tag)
        channel.cancel()

with step("nothing there"):
    saw("got", {"method": str(channel.basic_get("parity-pika")[0])})

with step("a statement beside them"), sqlite3.connect(":memory:") as database:
    database.execute("SELECT 1")

connection.close()
