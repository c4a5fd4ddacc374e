"""MongoDB: commands, and the connections that they are sent on.

Source: OpenTelemetry semantic conventions for MongoDB, stable since 1.33.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.semconv.attributes.db_attributes import (
    DB_COLLECTION_NAME,
    DB_NAMESPACE,
    DB_OPERATION_NAME,
    DB_QUERY_TEXT,
    DB_SYSTEM_NAME,
)
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel.call import SpanSpec
from .db import DB_DRIVER_CALL

MONGODB_ARGUMENT = "mongodb.command.argument"
"""What a command is given that is about no collection: a number, such as 1. The conventions have no key for it."""

MONGODB_DOCUMENTS = "mongodb.documents"
"""How many documents a command has with it to be inserted. The conventions have no key for it."""

MONGODB_MESSAGE_SIZE = "mongodb.message.size"
"""The bytes of the message that a command is sent with. The conventions have no key for it."""

MONGODB_ORDERED = "mongodb.command.ordered"
"""Whether writes end with the first that fails. The conventions have no key for it."""

_SYSTEM = "mongodb"


def command(
    name: str,
    target: object,
    database: str,
    call: str,
    known: Mapping[str, AttributeValue],
    query: str = "",
) -> SpanSpec:
    """The span of a command `name`, sent with the driver's method `call`.

    `target` is what the command is about: the name of a collection, else a number, or what is not to be shown. `known`
    is what is known of the connection, `query` the filter without its values.
    """
    attributes: dict[str, AttributeValue] = {
        DB_SYSTEM_NAME: _SYSTEM,
        DB_OPERATION_NAME: name,
        DB_NAMESPACE: database,
        DB_DRIVER_CALL: call,
        **known,
    }
    title = name
    if isinstance(target, str):
        attributes[DB_COLLECTION_NAME] = target
        title = f"{name} {target}"
    elif isinstance(target, (int, float)):
        attributes[MONGODB_ARGUMENT] = target
    if query:
        attributes[DB_QUERY_TEXT] = query
    return SpanSpec(title, SpanKind.CLIENT, attributes)


def checkout(call: str, known: Mapping[str, AttributeValue]) -> SpanSpec:
    """The span of the time in which a connection is checked out of its pool, by the driver's method `call`."""
    return SpanSpec("checkout", SpanKind.INTERNAL, {DB_SYSTEM_NAME: _SYSTEM, DB_DRIVER_CALL: call, **known})
