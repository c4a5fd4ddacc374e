"""Messages: sent, received, processed.

Source: OpenTelemetry semantic conventions for messaging spans. Only the address of the broker is stable there; the
other keys are theirs as well, in the form that they have since 1.28.
"""

from __future__ import annotations

from opentelemetry.context import create_key
from opentelemetry.propagators.textmap import Setter, default_setter
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel.call import SpanSpec

MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION_NAME = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"
MESSAGING_DESTINATION_NAME = "messaging.destination.name"
MESSAGING_DESTINATION_TEMPORARY = "messaging.destination.temporary"
MESSAGING_MESSAGE_ID = "messaging.message.id"
MESSAGING_MESSAGE_CONVERSATION_ID = "messaging.message.conversation_id"
MESSAGING_MESSAGE_BODY_SIZE = "messaging.message.body.size"
MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY = "messaging.rabbitmq.destination.routing_key"
MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG = "messaging.rabbitmq.message.delivery_tag"
MESSAGING_DESTINATION_PARTITION_ID = "messaging.destination.partition.id"
MESSAGING_CONSUMER_GROUP_NAME = "messaging.consumer.group.name"
MESSAGING_BATCH_MESSAGE_COUNT = "messaging.batch.message_count"
MESSAGING_KAFKA_MESSAGE_KEY = "messaging.kafka.message.key"
MESSAGING_KAFKA_MESSAGE_TOMBSTONE = "messaging.kafka.message.tombstone"
MESSAGING_KAFKA_OFFSET = "messaging.kafka.offset"
MESSAGING_KAFKA_BOOTSTRAP_SERVERS = "messaging.kafka.bootstrap.servers"
"""No convention: all servers that a client was given, as one text. `server.address` is the first of them."""

SUPPRESSED = create_key("otel_instrumentors.messaging")
"""The context key under which a library that sends messages for a traced layer above stays silent."""

Attributes = dict[str, AttributeValue]


def send(
    operation: str,
    subject: str,
    attributes: Attributes,
    carrier: object = None,
    setter: Setter[object] = default_setter,
) -> SpanSpec:
    """The span of a message that is handed to a broker; its context is put into `carrier`.

    `operation` is the library's verb, `subject` what the span is named after beside it: the destination, or what the
    message asks for. `attributes` is completed in place.
    """
    attributes[MESSAGING_OPERATION_NAME] = operation
    attributes[MESSAGING_OPERATION_TYPE] = "send"
    return SpanSpec(_named(operation, subject), SpanKind.PRODUCER, attributes, carrier, setter, silences=SUPPRESSED)


def process(operation: str, subject: str, attributes: Attributes) -> SpanSpec:
    """The span of the work that a message brings; arguments as for `send`."""
    attributes[MESSAGING_OPERATION_NAME] = operation
    attributes[MESSAGING_OPERATION_TYPE] = "process"
    return SpanSpec(_named(operation, subject), SpanKind.CONSUMER, attributes)


def receive(operation: str, subject: str, attributes: Attributes) -> SpanSpec:
    """The span of asking for a message, and getting it; arguments as for `send`.

    Of the kind of a consumer, as that of its processing: it, too, is the child of the span that sent the message.
    """
    attributes[MESSAGING_OPERATION_NAME] = operation
    attributes[MESSAGING_OPERATION_TYPE] = "receive"
    return SpanSpec(_named(operation, subject), SpanKind.CONSUMER, attributes)


def _named(operation: str, subject: str) -> str:
    return f"{operation} {subject}" if subject else operation
