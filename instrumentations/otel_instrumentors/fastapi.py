"""FastAPI: a span for each HTTP request, named by its route and what includes or mounts it, until its body is sent."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from .families import asgi, starlette
from .kernel.for_objects import ForApplications
from .kernel.hook import Target, standing_for
from .kernel.scope import Scope

_handling = starlette.handling()


class _WithoutOwnSpans:
    """A hook for FastAPI's own telemetry, which makes no spans meanwhile, as if it were told so.

    Its metrics and logs are left alone, and so is whoever gave it a tracer provider.
    """

    def __init__(self) -> None:
        self._silent: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, silent = target.function, self._silent

        def wrapper(telemetry: Any, *args: Any, **kwargs: Any) -> Any:
            if scope.active and telemetry.config["tracing"] and telemetry.config["tracer_provider"] is None:
                # One that lasts: it keeps its instruments.
                known = silent.get(telemetry)
                if known is None:
                    known = silent[telemetry] = copy.copy(telemetry)
                    known.config = {**telemetry.config, "tracing": False}
                telemetry = known
            return function(telemetry, *args, **kwargs)

        return standing_for(function, wrapper)


_without_own_spans = _WithoutOwnSpans()


class FastapiInstrumentor(ForApplications):
    options = asgi.OPTIONS
    hooks = {
        "fastapi.applications": {"FastAPI.__call__": starlette.application()},
        "fastapi.telemetry._asgi": {
            "NativeTelemetry.enabled": _without_own_spans,
            "NativeTelemetry.__call__": _without_own_spans,
        },
        **_handling,
        # It leaves its super's alone where a router is included in another one.
        "fastapi.routing": {"APIRoute.handle": _handling["starlette.routing"]["Route.handle"]},
    }
