"""PyMySQL: a span for each statement, commit and rollback."""

from __future__ import annotations

from typing import Any

from .families import dbapi
from .families.connections import ForConnections
from .families.dbapi import Attributes, Driver, as_text
from .semconv import db
from .semconv.db import Comments


def known(connection: Any) -> Attributes:
    if connection is None:
        return {}  # the cursor is closed
    # Once it has logged in it keeps the user's name as bytes.
    return db.connection(as_text(connection.db), connection.host, connection.port, as_text(connection.user))


_driver = Driver("mysql", comments=Comments.DOUBLED, known=known, nests=True, fetches="PYMYSQL_FETCHES")


class PymysqlInstrumentor(ForConnections):
    options = dbapi.OPTIONS
    hooks = {
        "pymysql.cursors": {
            "Cursor.execute": _driver.statement("execute"),
            # Behind a comment it would not know an INSERT, and send its rows one by one.
            "Cursor.executemany": _driver.statement("executemany", comments=Comments.NONE),
            "Cursor.callproc": _driver.statement("callproc"),
            **{f"{form}.{name}": hook for form in ("Cursor", "SSCursor") for name, hook in _driver.fetches().items()},
            "Cursor.__next__": _driver.iteration()["__next__"],
        },
        "pymysql.connections": {
            "Connection.commit": _driver.transaction("commit"),
            "Connection.rollback": _driver.transaction("rollback"),
        },
    }
