"""Databases.

Source: OpenTelemetry semantic conventions for database client spans, stable since 1.33.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from urllib.parse import quote

from opentelemetry.context import Context, create_key
from opentelemetry.propagate import get_global_textmap
from opentelemetry.semconv.attributes.db_attributes import DB_NAMESPACE, DB_QUERY_TEXT, DB_SYSTEM_NAME
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.metrics.db_metrics import DB_CLIENT_OPERATION_DURATION
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel.call import Outcome, SpanSpec
from ..kernel.options import Convention, Duration

DB_DRIVER_CALL = "db.driver.call"
"""Which of the driver's methods was called, such as `executemany`. The conventions have no key for it."""

DB_USER = "db.user"
"""Who the connection was made as. The conventions had this key and gave it up without another."""

DB_CLIENT_NAME = "db.client.name"
"""How the connection introduces itself to the server. The conventions have no key for it."""

DB_ROW_COUNT = "db.row_count"
"""The rows that a statement returned or changed, where the driver knows. The conventions count returned ones only."""

DB_FETCH_SIZE = "db.fetch.size"
"""How many rows were asked for at most. The conventions have no key for it."""

SUPPRESSED = create_key("otel_instrumentors.db.suppressed")
"""The context key under which a driver that is traced by a layer above stays silent."""

STATEMENT = create_key("otel_instrumentors.db.statement")
"""The context key of a layer above the drivers that leaves the span of a statement to them (`traced_unless_below`)."""

CLIENT = Convention(
    duration=Duration(
        DB_CLIENT_OPERATION_DURATION,
        "Duration of database client operations.",
        frozenset((DB_SYSTEM_NAME, DB_NAMESPACE, ERROR_TYPE, SERVER_ADDRESS, SERVER_PORT)),
        (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0),
    ),
)
"""What can be asked of database clients."""

_VERB_LENGTH = 24
_MOST_BEGINNINGS = 256
_TRACEPARENT = "traceparent"
_UNKNOWN = 1 << 63
"""MySQL's libraries say 2 ** 64 - 1; no attribute holds that."""


class Comments(Enum):
    """Whether the statements of a driver can bear a comment that tells the database who sends them."""

    NONE = "none"
    PLAIN = "plain"
    """The driver hands the statement on as it is."""
    DOUBLED = "doubled"
    """The driver formats the statement: a `%` that means itself is written twice."""


def connection(
    namespace: object = None, address: object = None, port: object = None, user: object = None
) -> dict[str, AttributeValue]:
    """What is known of a connection: the database's name, where its server is, who asks. What is empty is left out."""
    attributes: dict[str, AttributeValue] = {}
    if namespace:
        attributes[DB_NAMESPACE] = str(namespace)
    if address:
        attributes[SERVER_ADDRESS] = str(address)
        if isinstance(port, int) and port:
            attributes[SERVER_PORT] = port
    if user:
        attributes[DB_USER] = str(user)
    return attributes


def query(
    system: str,
    text: object,
    call: str,
    known: Mapping[str, AttributeValue] | None = None,
    silences: str | None = None,
) -> SpanSpec:
    """The span of a statement that is sent with the driver's method `call`, named by its first word.

    `known` is what is known of the connection.
    """
    attributes: dict[str, AttributeValue] = {DB_SYSTEM_NAME: system, DB_DRIVER_CALL: call}
    if known:
        attributes.update(known)
    if not isinstance(text, str):
        return SpanSpec(system, SpanKind.CLIENT, attributes, silences=silences, claims=STATEMENT)
    attributes[DB_QUERY_TEXT] = text
    name = _verb(text[:_VERB_LENGTH]) or system
    return SpanSpec(name, SpanKind.CLIENT, attributes, silences=silences, claims=STATEMENT)


@lru_cache(_MOST_BEGINNINGS)
def _verb(beginning: str) -> str:
    """The first word of a statement in upper case, "" where it is none."""
    words = beginning.split(None, 1)
    word = words[0] if words else ""
    if not word.isalpha():
        word = word.partition(";")[0]  # as in `COMMIT;`
    return word.upper() if word.isalpha() else ""


def transaction(system: str, name: str, call: str = "", known: Mapping[str, AttributeValue] | None = None) -> SpanSpec:
    """The span of a transaction's end: `name` is `commit` or `rollback`, `call` the driver's call if not the same."""
    attributes: dict[str, AttributeValue] = {DB_SYSTEM_NAME: system, DB_DRIVER_CALL: call or name}
    if known:
        attributes.update(known)
    return SpanSpec(name.upper(), SpanKind.CLIENT, attributes)


def fetch(
    system: str,
    call: str,
    known: Mapping[str, AttributeValue] | None = None,
    silences: str | None = None,
    size: object = None,
) -> SpanSpec:
    """The span of rows that are fetched with the driver's method `call`, at most `size` of them.

    `known` is what is known of the connection, and of the statement that asked for the rows.
    """
    attributes: dict[str, AttributeValue] = {DB_SYSTEM_NAME: system}
    if known:
        attributes.update(known)
    attributes[DB_DRIVER_CALL] = call
    if isinstance(size, int):
        attributes[DB_FETCH_SIZE] = size
    return SpanSpec(call, SpanKind.CLIENT, attributes, silences=silences)


def connect(system: str, call: str) -> SpanSpec:
    """The span of a connection that is made with the driver's function `call`."""
    return SpanSpec("CONNECT", SpanKind.CLIENT, {DB_SYSTEM_NAME: system, DB_DRIVER_CALL: call})


def rows(count: object) -> Outcome | None:
    """How many rows a statement touched; drivers say -1, None or all bits of a word where they do not know."""
    return Outcome({DB_ROW_COUNT: count}) if isinstance(count, int) and 0 <= count < _UNKNOWN else None


def comments_vary() -> bool:
    """Whether each span says something else in its comment, so that no statement is ever the same as one before."""
    return _TRACEPARENT in getattr(getattr(get_global_textmap(), "statements", None), "fields", ())


def comment(context: Context, comments: Comments) -> str:
    """The comment to put before a statement whose span is current in `context`; "" for none.

    A statement is one more carrier, so whoever sets the process's propagator says what goes into it: `statements`, if
    the global propagator has such an attribute, is the propagator whose `inject` is asked for the pairs. Without it,
    which is the usual case, statements stay as they are: what is good for headers (`traceparent` in each statement
    means a plan cache without hits) is not good for databases unless somebody wants it.

    Format: sqlcommenter, keys sorted, keys and values percent-encoded. It stands before the statement, not behind it
    as sqlcommenter has it: databases that show running statements cut long ones at their end.
    """
    propagator = getattr(get_global_textmap(), "statements", None)
    if propagator is None:
        return ""
    pairs: dict[str, str] = {}
    propagator.inject(pairs, context)
    if not pairs:
        return ""
    written = ",".join(f"{quote(key)}='{quote(value)}'" for key, value in sorted(pairs.items()))
    return f"/*{written.replace('%', '%%') if comments is Comments.DOUBLED else written}*/ "
