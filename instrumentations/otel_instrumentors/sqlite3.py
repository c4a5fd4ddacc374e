"""sqlite3: a span for each statement, commit and rollback."""

from __future__ import annotations

from .families import context
from .families.dbapi import Driver, Factory, connect
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db

_connect = connect(
    Driver("sqlite", argument="sql"),
    Factory("Connection", argument="factory", position=5),
    Factory("Cursor", argument="factory", position=0),
)


class Sqlite3Instrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    hooks = {
        "sqlite3": {"connect": _connect},
        "sqlite3.dbapi2": {"connect": _connect},
        # Its connections are called in threads of their own.
        "aiosqlite.core": {"Connection._execute": context.carried(0, "fn")},
    }
