"""psycopg and psycopg2: a span for each statement, COPY, commit and rollback."""

from __future__ import annotations

from .families import dbapi
from .families.connections import ForConnections
from .families.driver_classes import Factory, connect
from .families.fetches import connected
from .families.psycopg import driver
from .kernel.call import Call
from .kernel.hooks.context_manager import context_manager
from .kernel.hooks.several import several


def copied_from(call: Call) -> str:
    return f"COPY {call.arg(1, 'table')} FROM STDIN"


def copied_to(call: Call) -> str:
    return f"COPY {call.arg(1, 'table')} TO STDOUT"


# psycopg prepares what comes the sixth time, psycopg2 nothing.
_FETCHES, _CONNECT = "PSYCOPG_FETCHES", "PSYCOPG_CONNECT"
_driver, _driver2 = driver(recognises=dbapi.always, fetches=_FETCHES), driver(fetches=_FETCHES)

_execute, _executemany = _driver.statement("execute"), _driver.statement("executemany")
_stream, _copy = _driver.statement("stream"), context_manager(_driver.statement("copy", argument="statement"))
_sent = _driver.sent()
# The first two are what all others are made from; those that format on this side have a method of their own.
_UNPREPARED = ("Cursor", "AsyncCursor", "ClientCursor", "AsyncClientCursor")
_commit = _driver.transaction("commit", "psycopg.commit")
_rollback = _driver.transaction("rollback", "psycopg.rollback")
_connected = connected("postgresql", _CONNECT, "psycopg.connect")


class PsycopgInstrumentor(ForConnections):
    in_c = {"psycopg2": _driver2}
    options = dbapi.OPTIONS
    hooks = {
        # Its classes are C types, which cannot be hooked; whatever name of `connect` is called makes them by this one.
        "psycopg2": {
            "_connect": several(
                connect(
                    _driver2,
                    Factory("extensions.connection", "connection_factory", 1, optional=True),
                    Factory("extensions.cursor", "cursor_factory", 1, optional=True, default="cursor_factory"),
                    {
                        "copy_expert": _driver2.statement("copy_expert", argument="sql"),
                        "copy_from": _driver2.statement("copy_from", text=copied_from),
                        "copy_to": _driver2.statement("copy_to", text=copied_to),
                    },
                ),
                connected("postgresql", _CONNECT),
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
            **{
                f"{cursor}.{name}": hook
                for cursor in ("Cursor", "AsyncCursor", "ServerCursor", "AsyncServerCursor")
                for name, hook in _driver.fetches().items()
            },
            # The module has the class's method under a name of its own.
            "connect": _connected,
            "Connection.connect": _connected,
            "AsyncConnection.connect": connected("postgresql", _CONNECT, "psycopg.AsyncConnection.connect"),
            "ServerCursor.execute": _execute,
            "AsyncServerCursor.execute": _execute,
            "Connection.commit": _commit,
            "Connection.rollback": _rollback,
            "AsyncConnection.commit": _commit,
            "AsyncConnection.rollback": _rollback,
        },
    }
