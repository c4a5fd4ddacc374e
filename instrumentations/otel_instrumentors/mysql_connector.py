"""MySQL Connector: a span for each statement, commit and rollback, of its pure, C and asyncio forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .families import dbapi
from .families.connections import ForConnections
from .families.dbapi import Attributes, Driver, as_text
from .kernel.call import Call
from .kernel.hook import Hook
from .kernel.hooks.change_arguments import change_arguments
from .semconv import db
from .semconv.db import Comments

TAKES_CONTEXT = (8, 0, 25)
"""The first release of MySQL that takes attributes with a statement; MariaDB, whatever its number, takes none."""


def connection_of(cursor: Any) -> Any:
    return getattr(cursor, "_connection", None) or getattr(cursor, "_cnx", None)


def known(connection: Any) -> Attributes:
    if connection is None:
        return {}  # the cursor is closed
    # The property `database` would ask the server.
    return db.connection(
        connection._database, connection.server_host, connection.server_port, getattr(connection, "user", None)
    )


def unasked(call: Call) -> None:
    """Where a span is current the connector sends its context along, and warns if the server cannot take it."""
    if not getattr(call.instance, "_query_attrs_supported", True):
        call.instance.otel_context_propagation = False


def unasked_in_c(call: Call) -> None:
    """As `unasked`. The part in C does not look what the server can: that takes the context for a parameter's value."""
    connection = call.instance
    told = connection._handshake["server_version_original"]
    if "MariaDB" in told or connection._server_version < TAKES_CONTEXT:
        connection.otel_context_propagation = False


_driver = Driver(
    "mysql",
    argument="operation",
    text=as_text,
    # It puts parameters in the place of `%s` and looks at no other `%`.
    comments=Comments.PLAIN,
    connection=connection_of,
    known=known,
    nests=True,
    fetches="MYSQL_CONNECTOR_FETCHES",
)
_statements = {name: _driver.statement(name) for name in ("execute", "executemany", "callproc")}
# A cursor of prepared statements knows them by identity: with a comment each call would prepare its own.
_prepared = {name: _driver.statement(name, comments=Comments.NONE) for name in ("execute", "executemany")}
_unasked, _unasked_in_c = change_arguments(unasked), change_arguments(unasked_in_c)
_fetches = _driver.fetches()
# The kinds of cursors, by what follows the name, and what each of them fetches by methods of its own; releases differ.
_KINDS = {
    "": dbapi.FETCHES,
    "Buffered": dbapi.FETCHES,
    "Raw": ("fetchone", "fetchall"),
    "BufferedRaw": ("fetchone", "fetchall"),
    "Dict": ("fetchone", "fetchall"),
    "BufferedDict": ("fetchone", "fetchall"),
    "Prepared": dbapi.FETCHES,
    "PreparedDict": ("fetchmany",),
}
_KINDS_IN_C = {
    "": dbapi.FETCHES,
    "Buffered": dbapi.FETCHES,
    "Dict": dbapi.FETCHES,
    "BufferedDict": ("fetchall",),
    "Prepared": dbapi.FETCHES,
}
_transactions = {name: _driver.transaction(name) for name in ("commit", "rollback")}


def _of(cls: str, hooks: dict[str, Hook]) -> dict[str, Hook]:
    return {f"{cls}.{name}": hook for name, hook in hooks.items()}


def _cursors(name: str, kinds: Mapping[str, tuple[str, ...]]) -> dict[str, Hook]:
    hooks = {**_of(name, {**_statements, **_driver.iteration()}), **_of(f"{name}Prepared", _prepared)}
    for kind, own in kinds.items():
        hooks.update(_of(f"{name}{kind}", {method: _fetches[method] for method in own}))
    return hooks


class MysqlConnectorInstrumentor(ForConnections):
    options = dbapi.OPTIONS
    hooks = {
        "mysql.connector.cursor": _cursors("MySQLCursor", _KINDS),
        "mysql.connector.connection": {
            **_of("MySQLConnection", _transactions),
            "MySQLConnection.cmd_query": _unasked,
            "MySQLConnection.cmd_stmt_execute": _unasked,
        },
        "mysql.connector.cursor_cext": _cursors("CMySQLCursor", _KINDS_IN_C),
        "mysql.connector.connection_cext": {
            **_of("CMySQLConnection", _transactions),
            "CMySQLConnection.cmd_query": _unasked_in_c,
            "CMySQLConnection.cmd_stmt_execute": _unasked_in_c,
        },
        "mysql.connector.aio.cursor": {**_of("MySQLCursor", _statements), **_of("MySQLCursorPrepared", _prepared)},
        "mysql.connector.aio.connection": _of("MySQLConnection", _transactions),
    }
