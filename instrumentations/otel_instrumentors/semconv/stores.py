"""Key-value stores: commands, and batches of them.

Source: OpenTelemetry semantic conventions for database client spans, stable since 1.33, and those for Redis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.semconv.attributes.db_attributes import (
    DB_OPERATION_BATCH_SIZE,
    DB_OPERATION_NAME,
    DB_QUERY_SUMMARY,
    DB_QUERY_TEXT,
    DB_SYSTEM_NAME,
)
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel.call import SpanSpec
from .db import DB_DRIVER_CALL

DB_COMMAND_LENGTH = "db.command.length"
"""How many words a command has, its name included. The conventions have no key for it."""


def command(
    system: str,
    name: str,
    call: str,
    known: Mapping[str, AttributeValue],
    *,
    text: str = "",
    length: int = 0,
) -> SpanSpec:
    """The span of a command `name` that is sent with the library's method `call`.

    `known` is what is known of the connection; `text` and `length` (in words) are those of the whole command.
    """
    attributes: dict[str, AttributeValue] = {
        DB_SYSTEM_NAME: system,
        DB_OPERATION_NAME: name,
        DB_DRIVER_CALL: call,
        **known,
    }
    if text:
        attributes[DB_QUERY_TEXT] = text
    if length:
        attributes[DB_COMMAND_LENGTH] = length
    return SpanSpec(name or system, SpanKind.CLIENT, attributes)


def batch(
    system: str,
    kind: str,
    call: str,
    known: Mapping[str, AttributeValue],
    *,
    names: Sequence[str],
    text: str,
    size: int,
) -> SpanSpec:
    """The span of commands that are sent together: `kind` says as what (for Redis `PIPELINE` or `MULTI`).

    `names` are those of the commands, at least of the first ones; `size` is how many there are.
    """
    name = f"{kind} {names[0]}" if size == len(names) and len(set(names)) == 1 else kind
    attributes: dict[str, AttributeValue] = {
        DB_SYSTEM_NAME: system,
        DB_OPERATION_NAME: name,
        DB_DRIVER_CALL: call,
        DB_QUERY_SUMMARY: " ".join(names),
        DB_QUERY_TEXT: text,
        **known,
    }
    # The conventions: one command is no batch.
    if size != 1:
        attributes[DB_OPERATION_BATCH_SIZE] = size
    return SpanSpec(name, SpanKind.CLIENT, attributes)
