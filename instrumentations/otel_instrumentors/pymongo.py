"""pymongo: a span for each command, and one around the use of its connection, of the clients, asynchronous ones too."""

from __future__ import annotations

from .families import context, mongodb
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db

# Monitors and what closes cursors work for everybody, whoever makes the client start them.
_apart = context.apart()


class PymongoInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    hooks = {
        **mongodb.driver(),
        "pymongo.periodic_executor": {"PeriodicExecutor.open": _apart, "AsyncPeriodicExecutor.open": _apart},
    }
