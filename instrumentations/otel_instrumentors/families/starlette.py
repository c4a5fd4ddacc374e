"""What Starlette and the frameworks made of it share: which route answers, below which mounts, and what failed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import create_key, set_value

from ..kernel.call import Call, Outcome, SpanSpec
from ..kernel.current import attach, detach, get_current
from ..kernel.hook import Hook, Target, standing_for
from ..kernel.hooks.annotate_entry_span import annotate_entry_span
from ..kernel.recording import entry_of
from ..kernel.scope import Scope
from ..semconv import http
from . import asgi


def application() -> Hook:
    """For `__call__` of the class of applications."""
    return asgi.application(request)


def request(call: Call) -> SpanSpec:
    return asgi.request(call.arg(0, "scope"))


def failed(call: Call) -> Outcome:
    """An exception that a handler of the application or of Starlette's own is about to answer."""
    return Outcome(cause=next(each for each in call.args if isinstance(each, BaseException)))


class Routing:
    """The hooks of one plugin for the routes of an application, and of the applications that are mounted in it.

    A mount is known where it is taken and its routes below it, so the mounts on the way are kept in the context.
    """

    def __init__(self) -> None:
        self._mounts = create_key("otel_instrumentors.starlette.mounts")
        self.route = _Routed(self.matched)
        self.mount = _Mounted(self.matched, self._mounts)

    def matched(self, call: Call) -> Outcome | None:
        scope = call.arg(0, "scope")
        if scope["type"] not in asgi.REQUESTS:
            return None
        method = scope["method"] if "method" in scope else asgi.handshake_method(scope)
        return http.routed(method, f"{get_current().get(self._mounts) or ''}{_path(call.instance, scope)}")


def _path(route: Any, scope: dict[str, Any]) -> str:
    """The path template of a route; FastAPI gives that of a router which another one includes beside it."""
    included = scope.get("fastapi")
    effective = included.get("effective_route_context") if isinstance(included, dict) else None
    if effective is not None and effective.original_route is route:
        route = effective
    path: str = route.path
    return path


class _Routed:
    """A route that answers. A request comes by here several times: from FastAPI's `handle`, and from either plugin."""

    __slots__ = ("matched",)

    def __init__(self, matched: Callable[[Call], Outcome | None]) -> None:
        self.matched = matched

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, matched, ours = target.function, self.matched, scope

        async def wrapper(self: Any, scope: asgi.AsgiScope, receive: Any, send: Any) -> Any:
            if ours.active:
                entry = entry_of(get_current())
                if entry is not None and entry.known_of is not self:
                    entry.known_of = self
                    entry.learn(matched, Call(self, (scope,), {}))
            return await function(self, scope, receive, send)

        return standing_for(function, wrapper)


class _Mounted:
    __slots__ = ("key", "matched")

    def __init__(self, matched: Callable[[Call], Outcome | None], key: str) -> None:
        self.matched = matched
        self.key = key

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, matched, key, ours = target.function, self.matched, self.key, scope

        async def wrapper(self: Any, scope: asgi.AsgiScope, receive: Any, send: Any) -> Any:
            context = get_current()
            entry = entry_of(context) if ours.active else None
            if entry is None:
                return await function(self, scope, receive, send)
            entry.learn(matched, Call(self, (scope,), {}))
            token = attach(set_value(key, f"{context.get(key) or ''}{self.path}", context))
            try:
                return await function(self, scope, receive, send)
            finally:
                detach(token)

        return standing_for(function, wrapper)


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


_failed = annotate_entry_span(failed, when="called")
_without_own_spans = _WithoutOwnSpans()


def handling() -> dict[str, dict[str, Hook]]:
    """The hooks for what is below an application, for one plugin."""
    routing = Routing()
    return {
        "starlette.routing": {
            "Route.handle": routing.route,
            "WebSocketRoute.handle": routing.route,
            "Mount.handle": routing.mount,
        },
        # Every exception of an endpoint comes by here, handled or not.
        "starlette._exception_handler": {"_lookup_exception_handler": _failed},
        "starlette.middleware.errors": {
            # Those of a middleware; the answer is complete before Starlette raises them again.
            "ServerErrorMiddleware.error_response": _failed,
            "ServerErrorMiddleware.debug_response": _failed,
        },
        # FastAPI's applications are Starlette's: they have a span where FastAPI's own instrumentor is off, too.
        "fastapi.telemetry._asgi": {
            "NativeTelemetry.enabled": _without_own_spans,
            "NativeTelemetry.__call__": _without_own_spans,
        },
        # Before 0.29
        "starlette.middleware.exceptions": {"ExceptionMiddleware._lookup_exception_handler": _failed},
        # Before 0.20
        "starlette.exceptions": {"ExceptionMiddleware._lookup_exception_handler": _failed},
    }
