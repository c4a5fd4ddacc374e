"""sqlite3: a span for each statement, commit and rollback."""

from __future__ import annotations

from .families import context
from .families.connections import ForConnections
from .families.dbapi import Driver, owners
from .families.driver_classes import Factory, connect
from .kernel.options import Options
from .semconv import db

_driver = Driver("sqlite", argument="sql", fetches="SQLITE3_FETCHES")
_connect = connect(
    _driver,
    Factory("Connection", argument="factory", position=5),
    Factory("Cursor", argument="factory", position=0),
)


class Sqlite3Instrumentor(ForConnections):
    in_c = {"sqlite3": _driver}
    options = Options(client=db.CLIENT, owners=owners)
    hooks = {
        "sqlite3": {"connect": _connect},
        "sqlite3.dbapi2": {"connect": _connect},
        # Its connections are called in threads of their own.
        "aiosqlite.core": {"Connection._execute": context.carried(0, "fn")},
    }
