"""A DB-API 2.0 driver of the size of a test: SQLite's engine behind classes in Python, `%s` for parameters.

It notes the statements as they arrive. Like psycopg and MySQLdb it formats a statement only if it is given parameters.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

paramstyle = "format"


class Cursor:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rowcount = -1
        self._rows: list[Any] = []

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> Cursor:
        self.connection.received.append(sql)
        if parameters is not None:
            sql = sql.replace("%s", "?").replace("%%", "%")
        done = self.connection.engine.execute(sql, parameters or ())
        self._rows = done.fetchall()
        self.rowcount = done.rowcount
        return self

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> Cursor:
        for row in rows:
            self.execute(sql, row)
        return self

    def callproc(self, name: str) -> None:
        self.connection.received.append(name)

    def fetchall(self) -> list[Any]:
        return self._rows


class Connection:
    def __init__(self, database: str) -> None:
        self.engine = sqlite3.connect(database, isolation_level=None)
        self.received: list[str] = []

    def cursor(self, factory: type[Cursor] = Cursor) -> Cursor:
        return factory(self)

    def commit(self) -> None:
        self.received.append("commit")

    def rollback(self) -> None:
        self.received.append("rollback")

    def close(self) -> None:
        self.engine.close()


def connect(database: str, factory: type[Connection] = Connection) -> Connection:
    return factory(database)
