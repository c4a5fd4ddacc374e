"""aiopg: a span for each statement, until its answer is there."""

from __future__ import annotations

from typing import Any

from .families import dbapi, psycopg
from .families.connections import ForConnections
from .families.dbapi import Attributes
from .semconv import db


def known(connection: Any) -> Attributes:
    return psycopg.known(connection.raw)


# psycopg2 below it sends a statement, and knows nothing of the wait for its answer.
_driver = psycopg.driver(argument="operation", known=known, silences=db.SUPPRESSED)


class AiopgInstrumentor(ForConnections):
    options = dbapi.OPTIONS
    hooks = {
        "aiopg.connection": {
            f"Cursor.{name}": _driver.statement(name) for name in ("execute", "executemany", "callproc")
        }
    }
