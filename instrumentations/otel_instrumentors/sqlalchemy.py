"""SQLAlchemy: a span for each statement, where its driver is not traced itself."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context

from .families import sqlcommenter
from .families.dbapi import Attributes, once
from .kernel import versions
from .kernel.call import Arguments, Call, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.traced import traced
from .kernel.hooks.traced_unless_below import traced_unless_below
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db

SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db"}
"""Dialects by the names that the conventions have for them, where those are others."""


_CONTEXT = 3
"""The position of the execution context where a method is given parameters."""
_FORMATTED = ("format", "pyformat")
"""Styles of parameters in which a sign of percent that means itself is written twice."""


def known(engine: Any) -> Attributes:
    url = engine.url
    return db.connection(url.database, url.host, url.port)


_known = once(known)


def dialect(engine: Any) -> Any:
    """What is told from the dialects of other engines: the one that an engine, or the one below it, has."""
    return getattr(engine, "sync_engine", engine).dialect


def rows_touched(call: Call, _result: object) -> Outcome | None:
    return db.rows(call.arg(0, "cursor").rowcount)


def _calling(name: str, *, context_at: int = _CONTEXT) -> Hook:
    """A hook for the method of a dialect that calls the cursor's method `name`."""

    def statement(call: Call) -> SpanSpec:
        dialect = call.instance.name
        context = call.arg(context_at, "context")
        connection = None if context is None else _known(context.engine)
        return db.query(SYSTEMS.get(dialect, dialect), call.arg(1, "statement"), name, connection)

    def commented(call: Call) -> SpanSpec:
        """The comment names this span: there is none of the driver's."""
        spec = statement(call)
        spec.silences = db.SUPPRESSED
        return spec

    def with_comment(call: Call, context: Context) -> Arguments | None:
        doubles = context_at == _CONTEXT and call.instance.paramstyle in _FORMATTED
        comments = db.Comments.DOUBLED if doubles else db.Comments.PLAIN
        comment = sqlcommenter.comment(context, comments, lambda: _of_dialect(call.instance))
        if not comment or len(call.args) < 2:
            return None
        cursor, statement, *rest = call.args
        return (cursor, sqlcommenter.appended(statement, comment), *rest), call.kwargs

    own = traced(commented, rows_touched, prepare=with_comment)
    return traced_unless_below(statement, rows_touched, claim=db.STATEMENT, instead=(sqlcommenter.ENABLED, own))


def _of_dialect(dialect: Any) -> sqlcommenter.Pairs:
    yield "db_driver", dialect.driver
    yield "db_framework", f"sqlalchemy:{versions.installed('sqlalchemy')}"


_execute, _executemany = _calling("execute"), _calling("executemany")


class SqlalchemyInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT, others=sqlcommenter.OPTIONS, owner=dialect, singly=("engine", "engines"))
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
