"""aiomysql: a span for each statement, until its answer is there."""

from __future__ import annotations

from typing import Any

from .families import dbapi
from .families.dbapi import Attributes, Driver
from .kernel.instrumentor import Instrumentor
from .semconv import db
from .semconv.db import Comments


def known(connection: Any) -> Attributes:
    if connection is None:
        return {}  # the cursor is closed
    return db.connection(connection.db, connection.host, connection.port, connection.user)


_driver = Driver("mysql", comments=Comments.DOUBLED, known=known, nests=True)


class AiomysqlInstrumentor(Instrumentor):
    options = dbapi.OPTIONS
    hooks = {
        "aiomysql.cursors": {
            "Cursor.execute": _driver.statement("execute"),
            # Behind a comment it would not know an INSERT, and send its rows one by one.
            "Cursor.executemany": _driver.statement("executemany", comments=Comments.NONE),
            "Cursor.callproc": _driver.statement("callproc"),
        }
    }
