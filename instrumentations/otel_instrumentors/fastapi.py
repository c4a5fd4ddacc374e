"""FastAPI: a span for each request, by its whole route, until its body is sent, and for each WebSocket handshake."""

from __future__ import annotations

from .families import asgi, starlette
from .kernel.for_objects import ForApplications

_handling = starlette.handling()


class FastapiInstrumentor(ForApplications):
    options = asgi.APPLICATION_OPTIONS
    hooks = {
        "fastapi.applications": {"FastAPI.__call__": starlette.application()},
        **_handling,
        # It leaves its super's alone where a router is included in another one.
        "fastapi.routing": {"APIRoute.handle": _handling["starlette.routing"]["Route.handle"]},
    }
