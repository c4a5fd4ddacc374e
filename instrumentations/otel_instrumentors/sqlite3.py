"""sqlite3: a span for each statement, commit and rollback."""

from __future__ import annotations

from .families import dbapi
from .kernel.instrumentor import Instrumentor

_connect = dbapi.connect("sqlite")


class Sqlite3Instrumentor(Instrumentor):
    hooks = {
        "sqlite3": {"connect": _connect},
        "sqlite3.dbapi2": {"connect": _connect},
    }
