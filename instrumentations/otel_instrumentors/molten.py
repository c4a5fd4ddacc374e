"""Molten: a span for each request, named by its route, until its body is sent."""

from __future__ import annotations

from typing import Any

from .families import wsgi
from .kernel import versions
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.for_objects import ForApplications
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .semconv import http

VERSION = "molten.version"
ROUTE = "molten.route"
"""The name of the route, with the namespaces that it is included in."""


def request(call: Call) -> SpanSpec:
    return wsgi.request(call.arg(0, "environ"), {VERSION: versions.installed("molten") or "unknown"})


def matched(call: Call, found: Any) -> Outcome | None:
    if found is None:
        return None
    route = found[0]
    return http.routed(call.arg(0, "method"), route.template, {ROUTE: route.name})


class MoltenInstrumentor(ForApplications):
    options = wsgi.OPTIONS
    hooks = {
        # What failed is told to `start_response`.
        "molten.app": {"App.__call__": wsgi.application(request)},
        "molten.router": {"Router.match": annotate_entry_span(matched, when="returned")},
    }
