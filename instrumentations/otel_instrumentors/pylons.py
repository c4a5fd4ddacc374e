"""Pylons: a span for each request, named by its controller and action, until its body is sent, and for templates."""

from __future__ import annotations

from typing import Any

from opentelemetry.util.types import AttributeValue

from .families import wsgi
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.for_objects import ForApplications
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.hooks.traced import traced
from .semconv import http, templates

CONTROLLER = "pylons.route.controller"
ACTION = "pylons.route.action"


def request(call: Call) -> SpanSpec:
    return wsgi.request(call.arg(0, "environ"))


def resolved(call: Call, controller: Any) -> Outcome | None:
    if controller is None:
        return None
    environ = call.arg(0, "environ")
    match = environ["pylons.routes_dict"]
    name, action = match.get("controller"), match.get("action") or ""
    attributes: dict[str, AttributeValue] = {CONTROLLER: name if isinstance(name, str) else controller.__name__}
    # Routes take any action out of a URL.
    if not action.startswith(("_", "-")) and hasattr(controller, action.replace("-", "_")):
        attributes[ACTION] = action
    return Outcome(attributes, http.named(environ["REQUEST_METHOD"], ".".join(map(str, attributes.values()))))


def render(call: Call) -> SpanSpec:
    return templates.span("pylons", "render", call.arg(0, "template_name"))


_render = traced(render)


class PylonsInstrumentor(ForApplications):
    options = wsgi.OPTIONS
    hooks = {
        "pylons.wsgiapp": {
            "PylonsApp.__call__": wsgi.application(request),
            "PylonsApp.resolve": annotate_entry_span(resolved, when="returned"),
        },
        "pylons.templating": {
            "render_mako": _render,
            "render_mako_def": _render,
            "render_genshi": _render,
            "render_jinja2": _render,
            # Before 1.0
            "render": _render,
        },
    }
