"""Kombu: a span for each message published, and for each one that a consumer's callbacks receive."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS

from .families import messaging as kombu
from .families.message_headers import HEADERS
from .kernel.call import Arguments, Call, Incoming, SpanSpec
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .semconv import messaging
from .semconv.messaging import Attributes

_HEADERS = 4


def publish(call: Call) -> SpanSpec:
    body, headers = call.arg(0, "body"), call.arg(_HEADERS, "headers")
    attributes = _told(kombu.connection_of(call.instance), call.arg(9, "exchange"), call.arg(6, "routing_key"))
    if isinstance(body, (str, bytes)):
        attributes[messaging.MESSAGING_MESSAGE_BODY_SIZE] = len(body)
    return messaging.send("publish", _destination(attributes), attributes, dict(headers or {}))


def with_headers(call: Call, _context: Context) -> Arguments | None:
    """The headers given may serve another message, too: the context goes into a copy."""
    return None if call.carrier is None else call.with_arg(_HEADERS, "headers", call.carrier)


def receive(call: Call) -> SpanSpec:
    message = call.arg(1, "message")
    delivery = message.delivery_info or {}
    connection = getattr(getattr(message.channel, "connection", None), "client", None)
    attributes = _told(connection, delivery.get("exchange"), delivery.get("routing_key"))
    return messaging.process("receive", _destination(attributes), attributes)


def _message(call: Call) -> Incoming:
    return Incoming(call.arg(1, "message").headers, HEADERS)


def _told(connection: Any, exchange: Any, routing_key: Any) -> Attributes:
    attributes = kombu.broker(connection)
    if SERVER_ADDRESS in attributes and connection.virtual_host:
        attributes["kombu.virtual_host"] = connection.virtual_host
    attributes["kombu.exchange"] = exchange or ""
    if routing_key:
        attributes["kombu.routing_key"] = routing_key
    attributes[messaging.MESSAGING_DESTINATION_NAME] = exchange or routing_key or ""
    return attributes


def _destination(attributes: Attributes) -> str:
    return str(attributes[messaging.MESSAGING_DESTINATION_NAME])


class KombuInstrumentor(Instrumentor):
    hooks = {
        "kombu.messaging": {
            # Below `publish`, where defaults are filled in and the body is made: with `retry` a span for each try.
            "Producer._publish": traced(publish, prepare=with_headers, suppressed_by=messaging.SUPPRESSED),
            "Consumer.receive": traced(receive, incoming=_message),
        },
    }
