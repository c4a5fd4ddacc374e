"""Flask: a span for each request, named by its route, until its body is sent."""

from __future__ import annotations

from opentelemetry.util.types import AttributeValue

from .families import sqlcommenter, wsgi
from .kernel import versions
from .kernel.call import Call, Outcome, SpanSpec
from .kernel.for_objects import ForApplications
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.hooks.warn_of_bound import warn_of_bound
from .semconv import http


def request(call: Call) -> SpanSpec:
    return wsgi.request(call.arg(0, "environ"), {"flask.version": versions.installed("flask") or "unknown"})


def matched(call: Call, _result: object) -> Outcome | None:
    """What the request context knows once it has asked the application's URL map."""
    request = call.instance.request
    rule = request.url_rule
    if rule is None:
        return None
    attributes: dict[str, AttributeValue] = {"flask.endpoint": rule.endpoint}
    if request.script_root:
        attributes["flask.script_root"] = request.script_root
    for name, value in (request.view_args or {}).items():
        attributes[f"flask.view_args.{name}"] = value if isinstance(value, (str, int, float)) else str(value)
    return http.routed(request.method, rule.rule, attributes)


def unhandled(call: Call) -> Outcome:
    return Outcome(error=call.arg(0, "e"))


class FlaskInstrumentor(ForApplications):
    options = wsgi.OPTIONS._replace(others=sqlcommenter.FRAMEWORK_OPTIONS)
    hooks = {
        "flask.app": {
            "Flask.wsgi_app": warn_of_bound(wsgi.application(request), "Flask applications"),
            # Flask turns an exception that no handler took into a 500 before the server could see it.
            "Flask.handle_exception": annotate_entry_span(unhandled, when="called"),
        },
        "flask.ctx": {"RequestContext.match_request": annotate_entry_span(matched, when="returned")},
    }
