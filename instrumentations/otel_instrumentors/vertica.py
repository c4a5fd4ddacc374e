"""Vertica: a span for each statement, COPY, and each fetch of rows."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import create_key

from .families.dbapi import Attributes, Driver, once, rows_touched
from .kernel.call import Call, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db

_FETCHING = create_key("otel_instrumentors.vertica.fetching")
"""What fetches several rows does it row by row."""


def known(connection: Any) -> Attributes:
    options = connection.options
    port = options.get("port")
    return db.connection(options.get("database"), options.get("host"), int(port) if port else None, options.get("user"))


_known = once(known)


def fetched(name: str, silences: str | None = None) -> Hook:
    """A hook for the cursor's method `name`; `silences` what it calls itself."""

    def described(call: Call) -> SpanSpec:
        return db.fetch("vertica", name, _known(call.instance.connection), silences)

    return traced(described, rows_touched, suppressed_by=_FETCHING)


_driver = Driver("vertica", argument="operation", known=_known)


class VerticaInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    hooks = {
        "vertica_python.vertica.cursor": {
            # Commits and rollbacks are statements, executemany() is a COPY.
            "Cursor.execute": _driver.statement("execute"),
            "Cursor.copy": _driver.statement("copy", argument="sql"),
            "Cursor.fetchone": fetched("fetchone"),
            "Cursor.fetchmany": fetched("fetchmany", _FETCHING),
            "Cursor.fetchall": fetched("fetchall", _FETCHING),
            "Cursor.iterate": fetched("iterate", _FETCHING),
            "Cursor.nextset": fetched("nextset"),
        }
    }
