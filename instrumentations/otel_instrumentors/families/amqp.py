"""AMQP 0-9-1, as RabbitMQ speaks it: what the spans of its messages say, whichever library sends or gets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT

from ..kernel.call import SpanSpec
from ..semconv import messaging
from ..semconv.messaging import Attributes

TEMPORARY = ("amq.gen-", "amq.rabbitmq.reply-to")
"""What the names begin with that a broker makes up: of queues that live as long as a connection."""

_NAMELESS = "(temporary)"


def message(exchange: object, routing_key: object, properties: Any, body: object) -> Attributes:
    """What a message says of itself; `properties` are those of the protocol, None for none.

    Its destination is the exchange: the routing keys of a topic exchange are as many as an application likes. Of the
    exchange without a name, the routing key is the queue's name.
    """
    attributes: Attributes = {messaging.MESSAGING_SYSTEM: "rabbitmq"}
    destination = exchange or routing_key
    if isinstance(destination, str):
        attributes[messaging.MESSAGING_DESTINATION_NAME] = destination
        if destination.startswith(TEMPORARY):
            attributes[messaging.MESSAGING_DESTINATION_TEMPORARY] = True
    if routing_key and isinstance(routing_key, str):
        attributes[messaging.MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY] = routing_key
    if isinstance(body, (bytes, str)):
        attributes[messaging.MESSAGING_MESSAGE_BODY_SIZE] = len(body)
    for key, value in (
        (messaging.MESSAGING_MESSAGE_ID, getattr(properties, "message_id", None)),
        (messaging.MESSAGING_MESSAGE_CONVERSATION_ID, getattr(properties, "correlation_id", None)),
    ):
        if value and isinstance(value, str):
            attributes[key] = value
    return attributes


def from_broker(attributes: Attributes, host: object, port: object) -> Attributes:
    """`attributes`, completed in place by the broker's address."""
    if host and isinstance(host, str):
        attributes[SERVER_ADDRESS] = host
        if isinstance(port, int):
            attributes[SERVER_PORT] = port
    return attributes


def delivered(attributes: Attributes, delivery_tag: object) -> Attributes:
    """`attributes`, completed in place by the number of a delivery within its channel."""
    if isinstance(delivery_tag, int):
        attributes[messaging.MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG] = delivery_tag
    return attributes


def span(kind: Callable[..., SpanSpec], operation: str, attributes: Attributes, *more: Any) -> SpanSpec:
    """A span of one of the kinds of `semconv.messaging`, called by the name of its destination if that is for good."""
    is_temporary = messaging.MESSAGING_DESTINATION_TEMPORARY in attributes
    subject = _NAMELESS if is_temporary else attributes.get(messaging.MESSAGING_DESTINATION_NAME, "")
    return kind(operation, subject, attributes, *more)
