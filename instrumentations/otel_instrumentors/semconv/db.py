"""Databases.

Source: OpenTelemetry semantic conventions for database client spans, stable since 1.33.
"""

from __future__ import annotations

from opentelemetry.semconv.attributes.db_attributes import DB_QUERY_TEXT, DB_SYSTEM_NAME
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel.call import Outcome, SpanSpec

DB_DRIVER_CALL = "db.driver.call"
"""Which of the driver's methods was called, such as `executemany`. The conventions have no key for it."""

DB_ROW_COUNT = "db.row_count"
"""The rows that a statement returned or changed, where the driver knows. The conventions count returned ones only."""

_VERB_LENGTH = 24


def query(system: str, text: str, call: str) -> SpanSpec:
    """The span of a statement that is sent with the driver's method `call`, named by its first word."""
    attributes: dict[str, AttributeValue] = {DB_SYSTEM_NAME: system, DB_QUERY_TEXT: text, DB_DRIVER_CALL: call}
    words = text[:_VERB_LENGTH].split(None, 1)
    name = words[0].upper() if words and words[0].isalpha() else system
    return SpanSpec(name, SpanKind.CLIENT, attributes)


def transaction(system: str, call: str) -> SpanSpec:
    """The span of a transaction's end: `call` is `commit` or `rollback`."""
    return SpanSpec(call.upper(), SpanKind.CLIENT, {DB_SYSTEM_NAME: system, DB_DRIVER_CALL: call})


def rows(count: object) -> Outcome | None:
    """How many rows a statement touched; drivers say -1 or None where they do not know."""
    return Outcome({DB_ROW_COUNT: count}) if isinstance(count, int) and count >= 0 else None
