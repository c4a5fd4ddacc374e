"""mysqlclient (MySQLdb): a span for each statement, commit and rollback."""

from __future__ import annotations

from typing import Any

from .families import dbapi
from .families.connections import ForConnections
from .families.dbapi import Attributes, Driver
from .families.fetches import connected
from .semconv import db
from .semconv.db import Comments


def known(connection: Any) -> Attributes:
    if connection is None:
        return {}  # the cursor is closed
    return db.connection(
        getattr(connection, "database", None),
        getattr(connection, "host", None),
        getattr(connection, "port", None),
        getattr(connection, "user", None),
    )


_driver = Driver("mysql", comments=Comments.DOUBLED, known=known, nests=True, fetches="MYSQLDB_FETCHES")


class MysqldbInstrumentor(ForConnections):
    options = dbapi.OPTIONS
    hooks = {
        "MySQLdb.cursors": {
            "BaseCursor.execute": _driver.statement("execute"),
            # Behind a comment it would not know an INSERT, and send its rows one by one.
            "BaseCursor.executemany": _driver.statement("executemany", comments=Comments.NONE),
            "BaseCursor.callproc": _driver.statement("callproc"),
            **{
                f"{form}.{name}": hook
                for form in ("CursorStoreResultMixIn", "CursorUseResultMixIn")
                for name, hook in _driver.fetches().items()
            },
            "BaseCursor.__next__": _driver.iteration()["__next__"],
        },
        "MySQLdb.connections": {
            "Connection.__init__": connected("mysql", "MYSQLDB_CONNECT"),
            "Connection.commit": _driver.transaction("commit"),
            "Connection.rollback": _driver.transaction("rollback"),
        },
    }
