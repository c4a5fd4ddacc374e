"""What Starlette and the frameworks made of it share: which route answers, below which mounts, and what failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
        self.route = annotate_entry_span(self.matched, when="called")
        self.mount = _Mounted(self.matched, self._mounts)

    def matched(self, call: Call) -> Outcome | None:
        scope = call.arg(0, "scope")
        if scope["type"] != "http":
            return None
        return http.routed(scope["method"], f"{get_current().get(self._mounts) or ''}{_path(call.instance, scope)}")


def _path(route: Any, scope: dict[str, Any]) -> str:
    """The path template of a route; FastAPI gives that of a router which another one includes beside it."""
    included = scope.get("fastapi")
    effective = included.get("effective_route_context") if isinstance(included, dict) else None
    if effective is not None and effective.original_route is route:
        route = effective
    path: str = route.path
    return path


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


_failed = annotate_entry_span(failed, when="called")


def handling() -> dict[str, dict[str, Hook]]:
    """The hooks for what is below an application, for one plugin."""
    routing = Routing()
    return {
        "starlette.routing": {"Route.handle": routing.route, "Mount.handle": routing.mount},
        # Every exception of an endpoint comes by here, handled or not.
        "starlette._exception_handler": {"_lookup_exception_handler": _failed},
        "starlette.middleware.errors": {
            # Those of a middleware; the answer is complete before Starlette raises them again.
            "ServerErrorMiddleware.error_response": _failed,
            "ServerErrorMiddleware.debug_response": _failed,
        },
        # Before 0.29
        "starlette.middleware.exceptions": {"ExceptionMiddleware._lookup_exception_handler": _failed},
        # Before 0.20
        "starlette.exceptions": {"ExceptionMiddleware._lookup_exception_handler": _failed},
    }
