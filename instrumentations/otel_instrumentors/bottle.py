"""Bottle: a span for each request, named by its route, until its body is sent."""

from __future__ import annotations

from typing import Any

from opentelemetry.util.types import AttributeValue

from .families import wsgi
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.for_objects import ForApplications
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.hooks.warn_of_bound import warn_of_bound
from .kernel.scope import inside_request
from .semconv import http

RULE = "bottle.rule"
"""The rule as the application has it, where that is mounted below another path."""


def request(call: Call) -> SpanSpec | None:
    environ = call.arg(0, "environ")
    # Mounted in another Bottle application, which has a span for it.
    return None if "bottle.app" in environ and inside_request() else wsgi.request(environ)


def matched(call: Call, result: Any) -> Outcome:
    environ, rule = call.arg(0, "environ"), result[0].rule
    mount = environ.get("SCRIPT_NAME", "").rstrip("/")
    attributes: dict[str, AttributeValue] = {RULE: rule} if mount else {}
    return http.routed(environ["REQUEST_METHOD"], f"{mount}/{rule.lstrip('/')}", attributes)


def answered(call: Call) -> Outcome | None:
    """What Bottle makes a page of: a response that was raised, or an exception that nobody took."""
    answer = call.arg(0, "out")
    error = getattr(answer, "exception", None) or answer
    return Outcome(cause=error) if getattr(error, "__traceback__", None) is not None else None


class BottleInstrumentor(ForApplications):
    options = wsgi.OPTIONS
    hooks = {
        "bottle": {
            "Bottle.wsgi": warn_of_bound(wsgi.application(request), "Bottle applications"),
            "Router.match": annotate_entry_span(matched, when="returned"),
            "Bottle._cast": annotate_entry_span(answered, when="called"),
        },
    }
