"""Messages over kombu: which broker they go to."""

from __future__ import annotations

from typing import Any

from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT

from ..kernel import numbers
from ..semconv.messaging import MESSAGING_SYSTEM, Attributes

# Where the conventions have no name for a broker, kombu's own is used.
_SYSTEMS = {
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "pyamqp": "rabbitmq",
    "librabbitmq": "rabbitmq",
    "qpid": "qpid",
    "rediss": "redis",
    "sentinel": "redis",
    "sqs": "aws_sqs",
    "azureservicebus": "servicebus",
    "gcpubsub": "gcp_pubsub",
    "confluentkafka": "kafka",
}
_HERE = frozenset(("memory", "filesystem"))
"""Transports without a server."""


def system(url: Any) -> str:
    """The `messaging.system` of a broker's URL, or of a transport's name; of several URLs that of the first."""
    first = url[0] if isinstance(url, (list, tuple)) and url else url
    name = str(first or "amqp").partition("://")[0].partition("+")[0].lower()
    return _SYSTEMS.get(name, name)


def broker(connection: Any) -> Attributes:
    """What a `kombu.Connection` says of its broker, without connecting; nothing where there is no connection."""
    if connection is None:
        return {}
    transport = connection.transport_cls
    name = system(transport if isinstance(transport, str) else getattr(transport, "driver_type", ""))
    attributes: Attributes = {MESSAGING_SYSTEM: name}
    if name in _HERE:
        return attributes
    if connection.hostname:
        attributes[SERVER_ADDRESS] = connection.hostname
    port = numbers.port(str(connection.port or ""))
    if port:
        attributes[SERVER_PORT] = port
    return attributes


def connection_of(producer: Any) -> Any:
    """The connection of a `kombu.Producer`, None where asking for it would connect."""
    # Its own property `connection` goes by the channel, which is opened when it is asked for.
    return producer.__connection__ or getattr(getattr(producer._channel, "connection", None), "client", None)
