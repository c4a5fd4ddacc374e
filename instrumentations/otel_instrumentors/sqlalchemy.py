"""SQLAlchemy: a span for each statement, where its driver is not traced itself."""

from __future__ import annotations

from typing import Any

from .families.dbapi import Attributes, once
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.traced_unless_below import traced_unless_below
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db

SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db"}
"""Dialects by the names that the conventions have for them, where those are others."""


def known(engine: Any) -> Attributes:
    url = engine.url
    return db.connection(url.database, url.host, url.port)


_known = once(known)


def dialect(engine: Any) -> Any:
    """What is told from the dialects of other engines: the one that an engine, or the one below it, has."""
    return getattr(engine, "sync_engine", engine).dialect


def rows_touched(call: Call, _result: object) -> Outcome | None:
    return db.rows(call.arg(0, "cursor").rowcount)


def _calling(name: str, *, context_at: int = 3) -> Hook:
    """A hook for the method of a dialect that calls the cursor's method `name`."""

    def statement(call: Call) -> SpanSpec:
        dialect = call.instance.name
        context = call.arg(context_at, "context")
        connection = None if context is None else _known(context.engine)
        return db.query(SYSTEMS.get(dialect, dialect), call.arg(1, "statement"), name, connection)

    return traced_unless_below(statement, rows_touched, claim=db.STATEMENT)


_execute, _executemany = _calling("execute"), _calling("executemany")


class SqlalchemyInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT, owner=dialect, singly=("engine", "engines"))
    # The methods between engine and driver that are called once for each call of a cursor, by every engine there is,
    # whenever and however it was made. Below are the dialects that have their own.
    hooks = {
        "sqlalchemy.engine.default": {
            "DefaultDialect.do_execute": _execute,
            "DefaultDialect.do_execute_no_params": _calling("execute", context_at=2),
            "DefaultDialect.do_executemany": _executemany,
        },
        "sqlalchemy.dialects.mysql.mysqldb": {"MySQLDialect_mysqldb.do_executemany": _executemany},
        "sqlalchemy.dialects.oracle.cx_oracle": {"OracleDialect_cx_oracle.do_executemany": _executemany},
        "sqlalchemy.dialects.postgresql.psycopg2": {"PGDialect_psycopg2.do_executemany": _executemany},
    }
