"""Starlette: a span for each request, by its route and mounts, until its body is sent, and WebSocket handshake."""

from __future__ import annotations

from .families import asgi, starlette
from .kernel.for_objects import ForApplications


class StarletteInstrumentor(ForApplications):
    options = asgi.APPLICATION_OPTIONS
    hooks = {
        "starlette.applications": {"Starlette.__call__": starlette.application()},
        **starlette.handling(),
    }
