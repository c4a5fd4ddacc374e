"""asyncmy: a span for each statement, until its answer is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .families import dbapi
from .families.dbapi import Attributes, Driver, as_text
from .families.driver_classes import Factory, cursors
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.coroutine_function import coroutine_function
from .kernel.hooks.hook_products import hook_methods_by_call
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .semconv import db
from .semconv.db import Comments


def known(connection: Any) -> Attributes:
    if connection is None:
        return {}  # the cursor is closed
    # Once it has logged in it keeps the names as bytes.
    return db.connection(as_text(connection._db), connection._host, connection._port, as_text(connection._user))


def prepares(cursor: Any) -> bool:
    """Whether the connection keeps prepared statements, by their text."""
    return bool(getattr(cursor.connection, "_stmt_cache_size", 0))


_driver = Driver("mysql", comments=Comments.DOUBLED, known=known, nests=True, recognises=prepares)


def _statement(name: str, comments: Comments | None = None) -> Hook:
    return coroutine_function(_driver.statement(name, comments=comments))


def prepared(call: Call) -> Mapping[str, Hook]:
    """How a statement is watched that the application has prepared; a cursor's own is part of what it sends."""
    if dbapi.is_at_work():
        return {}
    connection, text = call.instance, as_text(call.arg(0, "query"))

    def sent(name: str) -> Hook:
        def statement(_call: Call) -> SpanSpec:
            return db.query("mysql", text, name, known(connection))

        return coroutine_function(traced(statement, rows, suppressed_by=db.SUPPRESSED))

    return {name: sent(name) for name in ("execute", "execute_bulk")}


def rows(_call: Call, result: Any) -> Outcome | None:
    return db.rows(result.affected_rows)


class AsyncmyInstrumentor(Instrumentor):
    options = dbapi.OPTIONS
    hooks = {
        "asyncmy.connection": {
            "Connection.cursor": cursors(
                Factory("Cursor", "cursor", 0, optional=True, default="_cursor_cls"),
                {
                    "execute": _statement("execute"),
                    # Behind a comment it would not know an INSERT, and send its rows one by one.
                    "executemany": _statement("executemany", Comments.NONE),
                    "callproc": _statement("callproc"),
                },
            ),
            "Connection.prepare": coroutine_function(hook_methods_by_call(prepared)),
        }
    }
