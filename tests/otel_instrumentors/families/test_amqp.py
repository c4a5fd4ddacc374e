"""What messages of AMQP say of themselves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from otel_instrumentors.families import amqp
from otel_instrumentors.semconv import messaging


@pytest.mark.parametrize(
    ("exchange", "routing_key", "name", "is_temporary"),
    [
        ("tea", "leaf.green", "publish tea", False),
        ("", "cups", "publish cups", False),
        (None, "", "publish", False),
        ("", "amq.gen-JzTY20BRgKO-HjmUJj0wLg", "publish (temporary)", True),
        ("", "amq.rabbitmq.reply-to.g1h2AA.1", "publish (temporary)", True),
        ("amq.topic", "amq.gen-x", "publish amq.topic", False),
        (7, b"cups", "publish", False),
    ],
)
def test_the_destination_is_the_exchange_else_the_queue(
    exchange: Any, routing_key: Any, name: str, is_temporary: bool
) -> None:
    attributes = amqp.message(exchange, routing_key, None, b"tea")
    spec = amqp.span(messaging.send, "publish", attributes)
    assert spec.name == name
    assert ("messaging.destination.temporary" in attributes) == is_temporary


def test_what_is_of_an_odd_type_is_not_told() -> None:
    odd = SimpleNamespace(message_id=7, correlation_id=b"c", headers={})
    attributes = amqp.delivered(amqp.from_broker(amqp.message("tea", 7, odd, None), None, "5672"), None)
    assert attributes == {"messaging.system": "rabbitmq", "messaging.destination.name": "tea"}
