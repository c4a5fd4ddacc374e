"""MongoEngine: a span for each command that its connections send by pymongo, and one around the use of a connection."""

from __future__ import annotations

import sys
from typing import Any

from .families import mongodb
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db


def owns(options: Any) -> bool:
    """Whether a client with these pool options is the connection of one of MongoEngine's aliases."""
    connections = getattr(sys.modules.get("mongoengine.connection"), "_connections", {})
    return any(_pool_options(client) is options for client in tuple(connections.values()))


def _pool_options(client: Any) -> Any:
    # Its place in a test may be taken by a client of another kind (mongomock).
    settings = getattr(client, "_topology_settings", None)
    return getattr(settings, "pool_options", settings)


class MongoengineInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    hooks = mongodb.layer(owns)
