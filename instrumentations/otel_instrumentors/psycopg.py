"""psycopg and psycopg2: a span for each statement, COPY, commit and rollback."""

from __future__ import annotations

import sys
from typing import Any

from .families import dbapi
from .families.connections import ForConnections
from .families.dbapi import Attributes, Driver, Factory, as_text, connect, once, prefixed, suffixed
from .kernel.call import Call
from .kernel.hooks.context_manager import context_manager
from .semconv import db
from .semconv.db import Comments

APPLICATION_NAME = "psycopg.application_name"
"""What the application calls itself when it connects."""


def text(query: Any) -> Any:
    """The statement as text.

    Literals that are composed into one are `?`: to render them is what the driver will do, at their cost, and they are
    the secrets in it.
    """
    if isinstance(query, (str, bytes)):
        return as_text(query)
    kinds = {kind.__name__ for kind in type(query).__mro__}
    if "Composed" in kinds:
        return "".join(map(str, map(text, query)))
    if "Literal" in kinds:
        return "?"
    if "Identifier" in kinds:
        # The drivers ask the connection how to quote, which may be closed.
        names = getattr(query, "strings", None) or query._obj
        return ".".join('"' + name.replace('"', '""') + '"' for name in names)
    return query.as_string(None) if "Composable" in kinds else query


def commented(comment: str, query: Any) -> Any:
    for kind in type(query).__mro__:
        if kind.__name__ == "Composable":
            return sys.modules[kind.__module__].SQL(comment) + query
    return prefixed(comment, query)


def commented_behind(query: Any, comment: str) -> Any:
    for kind in type(query).__mro__:
        if kind.__name__ == "Composable":
            return query + sys.modules[kind.__module__].SQL(comment)
    return suffixed(query, comment)


def copied_from(call: Call) -> str:
    return f"COPY {call.arg(1, 'table')} FROM STDIN"


def copied_to(call: Call) -> str:
    return f"COPY {call.arg(1, 'table')} TO STDOUT"


def known(connection: Any) -> Attributes:
    if connection.closed:
        return {}
    info = connection.info
    attributes = db.connection(info.dbname, info.host, info.port, info.user)
    name = info.parameter_status("application_name")
    return {**attributes, APPLICATION_NAME: name} if name else attributes


def driver(*, recognises: bool) -> Driver:
    return Driver(
        "postgresql",
        text=text,
        prefixed=commented,
        suffixed=commented_behind,
        comments=Comments.DOUBLED,
        known=once(known),
        recognises=recognises,
    )


# psycopg prepares what comes the sixth time, psycopg2 nothing.
_driver, _driver2 = driver(recognises=True), driver(recognises=False)

_execute, _executemany = _driver.statement("execute"), _driver.statement("executemany")
_stream, _copy = _driver.statement("stream"), context_manager(_driver.statement("copy", argument="statement"))
_sent = _driver.sent()
# The first two are what all others are made from; those that format on this side have a method of their own.
_UNPREPARED = ("Cursor", "AsyncCursor", "ClientCursor", "AsyncClientCursor")
_commit = _driver.transaction("commit", "psycopg.commit")
_rollback = _driver.transaction("rollback", "psycopg.rollback")


class PsycopgInstrumentor(ForConnections):
    in_c = {"psycopg2": _driver}
    options = dbapi.OPTIONS
    hooks = {
        # Its classes are C types, which cannot be hooked; whatever name of `connect` is called makes them by this one.
        "psycopg2": {
            "_connect": connect(
                _driver2,
                Factory("extensions.connection", "connection_factory", 1, optional=True),
                Factory("extensions.cursor", "cursor_factory", 1, optional=True, default="cursor_factory"),
                {
                    "copy_expert": _driver2.statement("copy_expert", argument="sql"),
                    "copy_from": _driver2.statement("copy_from", text=copied_from),
                    "copy_to": _driver2.statement("copy_to", text=copied_to),
                },
            )
        },
        "psycopg": {
            **{
                f"{cursor}.{name}": hook
                for cursor in ("Cursor", "AsyncCursor")
                for name, hook in {
                    "execute": _execute,
                    "executemany": _executemany,
                    "stream": _stream,
                    "copy": _copy,
                }.items()
            },
            **{f"{cursor}._execute_send": _sent for cursor in _UNPREPARED},
            "ServerCursor.execute": _execute,
            "AsyncServerCursor.execute": _execute,
            "Connection.commit": _commit,
            "Connection.rollback": _rollback,
            "AsyncConnection.commit": _commit,
            "AsyncConnection.rollback": _rollback,
        },
    }
