"""Falcon: a span for each request, named by its route and resource, until its body is sent; WSGI and ASGI."""

from __future__ import annotations

from typing import Any

from opentelemetry.util.types import AttributeValue

from .families import asgi, wsgi
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.instrumentor import Instrumentor
from .semconv import http

RESOURCE = "falcon.resource"
"""The class of the resource that answers; where there is none, the sink or static route."""


def request(call: Call) -> SpanSpec:
    return wsgi.request(call.arg(0, "env"))


def asgi_request(call: Call) -> SpanSpec:
    return asgi.request(call.arg(0, "scope"))


def matched(call: Call, found: Any) -> Outcome | None:
    request = call.arg(0, "req")
    # Before 1.1 the route's template is not told, before 3.0 a mount is called `app`.
    responder, _, resource, *template = found
    attributes: dict[str, AttributeValue] = {}
    answering = type(resource) if resource is not None else responder
    if not hasattr(answering, "__name__"):
        answering = type(answering)
    if answering.__module__ != "falcon.responders":
        attributes[RESOURCE] = f"{answering.__module__}.{answering.__name__}"
    if not template or template[0] is None:
        return Outcome(attributes)
    mount = request.root_path if hasattr(request, "root_path") else request.app
    return http.routed(request.method, mount + template[0], attributes)


def handled(call: Call, _result: Any) -> Outcome | None:
    """An exception that became an answer, by a handler of the application or of Falcon's own."""
    first, second, third, *_ = call.args
    # Before 2.0 the exception comes first.
    error, answer = (first, third) if isinstance(first, Exception) else (third, second)
    status = answer.status
    code = int(status if isinstance(status, int) else status[:3])
    return Outcome(error=error) if code >= 500 else None


_matched = annotate_entry_span(matched, when="returned")
_handled = annotate_entry_span(handled, when="left")


class FalconInstrumentor(Instrumentor):
    hooks = {
        "falcon.app": {
            "App.__call__": wsgi.application(request),
            "App._get_responder": _matched,
            "App._handle_exception": _handled,
        },
        "falcon.asgi.app": {
            "App.__call__": asgi.application(asgi_request),
            "App._handle_exception": _handled,
        },
        # Before 3.0
        "falcon.api": {
            "API.__call__": wsgi.application(request),
            "API._get_responder": _matched,
            "API._handle_exception": _handled,
        },
    }
