"""Pyramid: a span for each request, named by its route, until its body is sent, and for each that is rendered."""

from __future__ import annotations

import sys
from typing import Any

from .families import wsgi
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.for_objects import ForConfigurations
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.hooks.traced import traced
from .kernel.options import when_told
from .semconv import http, templates

ROUTE_NAME = "pyramid.route.name"
CONTEXT = "pyramid.context"
"""The class of the resource that traversal has found, where no route was taken."""
VIEW_NAME = "pyramid.view_name"
"""The name of the resource's view, where it has one."""


def request(call: Call) -> SpanSpec:
    return wsgi.request(call.arg(0, "environ"))


def subrequest(call: Call) -> SpanSpec | None:
    """A request of the application to itself that takes the way of all others, through the tweens."""
    # Before 1.9 this is the way of all others.
    if not call.arg(1, "use_tweens", False) or not hasattr(call.instance, "invoke_request"):
        return None
    return wsgi.request(call.arg(0, "request").environ)


def from_here(_call: Call) -> None:
    """Whoever makes a subrequest is its caller, whatever headers it copied."""


def answered(_call: Call, response: Any) -> Outcome:
    return http.server_response(response.status_int)


def matched(call: Call, found: Any) -> Outcome | None:
    return _routed(call.arg(0, "request"), found["route"])


def viewed(call: Call, response: Any) -> Outcome | None:
    _, request, context, _, view_name = call.args
    if request.matched_route is not None:
        # Once more: a subrequest may have taken another one.
        return _routed(request, request.matched_route)
    if response is None and sys.exc_info()[0] is None:
        return None  # There is no such view: its name may be anything.
    kind = type(context)
    found = {CONTEXT: f"{kind.__module__}.{kind.__qualname__}"}
    return Outcome({**found, VIEW_NAME: view_name} if view_name else found)


def _routed(request: Any, route: Any) -> Outcome | None:
    return None if route is None else http.routed(request.method, route.pattern, {ROUTE_NAME: route.name})


def failed(call: Call) -> Outcome:
    """An exception for which a view is about to be looked for."""
    return Outcome(cause=next(each for each in call.args if isinstance(each, BaseException)))


def render(call: Call) -> SpanSpec | None:
    if not call.kwargs.get("request"):
        return None  # Not an answer: a text that the application wants.
    return templates.span("pyramid", "render", call.instance.name)


_failed = annotate_entry_span(failed, when="called")


def _request(call: Call, _found: Any) -> tuple[Any, ...]:
    return (call.arg(0, "request"),)


def _registry(thing: Any) -> Any:
    """What a configuration and all that it makes have in common."""
    return getattr(thing, "registry", None)


def _owners(call: Call) -> tuple[Any, ...]:
    return (_registry(call.instance),)


class PyramidInstrumentor(ForConfigurations):
    options = wsgi.OPTIONS._replace(request=when_told(matched, _request), owner=_registry, owners=_owners)
    hooks = {
        "pyramid.router": {
            "Router.__call__": wsgi.application(request),
            "Router.invoke_subrequest": traced(subrequest, answered, incoming=from_here),
            "_call_view": annotate_entry_span(viewed, when="left"),
        },
        "pyramid.urldispatch": {"RoutesMapper.__call__": annotate_entry_span(matched, when="returned")},
        # Before 1.9 the latter.
        "pyramid.tweens": {"_error_handler": _failed, "_call_view": _failed},
        "pyramid.renderers": {"RendererHelper.render": traced(render)},
    }
