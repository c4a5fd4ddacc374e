"""Falcon: a span for each request, named by its route and resource, until its body is sent; WSGI and ASGI."""

from __future__ import annotations

from typing import Any

from opentelemetry.util.types import AttributeValue

from .families import asgi, wsgi
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.for_objects import ForApplications
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.options import Options, when_told
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


def answered(_call: Call) -> None:
    """Somebody may have asked to see the response, whose headers are about to be sent."""


def failed(call: Call) -> Outcome:
    """An exception that a handler of the application or of Falcon's own is about to answer."""
    # Before 2.0 it comes first.
    return Outcome(cause=next(each for each in call.args if isinstance(each, BaseException)))


_matched = annotate_entry_span(matched, when="returned")
_answered = annotate_entry_span(answered, when="called")
_failed = annotate_entry_span(failed, when="called")


def _request(call: Call, _found: Any) -> tuple[Any, ...]:
    return (call.arg(0, "req"),)


def _request_and_response(call: Call, _found: Any, sent: Call) -> tuple[Any, ...]:
    return call.arg(0, "req"), sent.instance


class FalconInstrumentor(ForApplications):
    options = Options(
        server=http.SERVER._replace(excludes=http.path_of),
        hooks={
            "request_hook": when_told(matched, _request),
            "response_hook": when_told(answered, _request_and_response, after=matched),
        },
        request=when_told(matched, _request),
    )

    hooks = {
        "falcon.app": {
            "App.__call__": wsgi.application(request),
            "App._get_responder": _matched,
            "App._handle_exception": _failed,
        },
        "falcon.asgi.app": {
            "App.__call__": asgi.application(asgi_request),
            "App._handle_exception": _failed,
        },
        "falcon.response": {"Response._wsgi_headers": _answered},
        "falcon.asgi.response": {"Response._asgi_headers": _answered},
        # Before 3.0
        "falcon.api": {
            "API.__call__": wsgi.application(request),
            "API._get_responder": _matched,
            "API._handle_exception": _failed,
        },
    }
