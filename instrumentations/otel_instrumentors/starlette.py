"""Starlette: a span for each HTTP request, named by its route and the mounts above it, until its body is sent."""

from __future__ import annotations

from .families import asgi, starlette
from .kernel.for_objects import ForApplications


class StarletteInstrumentor(ForApplications):
    options = asgi.OPTIONS
    hooks = {
        "starlette.applications": {"Starlette.__call__": starlette.application()},
        **starlette.handling(),
    }
