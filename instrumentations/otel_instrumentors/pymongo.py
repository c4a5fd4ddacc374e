"""pymongo: a span for each command, and one around the use of its connection, of the clients, asynchronous ones too."""

from __future__ import annotations

from .families import mongodb
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db


class PymongoInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT, others=mongodb.LISTENERS)
    hooks = mongodb.driver()
