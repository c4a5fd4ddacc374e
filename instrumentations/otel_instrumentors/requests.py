"""Requests: a span for each request that a session sends, redirects included."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import create_key

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.for_objects import ForSessions
from .kernel.hooks.suppress import suppress
from .kernel.hooks.traced import traced
from .kernel.options import Options, when_finished, when_started
from .semconv import http

_SENDING = create_key("otel_instrumentors.requests.sending")


def send(call: Call) -> SpanSpec:
    request = call.arg(0, "request")
    headers = request.headers
    spec = http.client_request(request.method or "GET", request.url, headers, _text(headers.get("User-Agent")))
    spec.silences = _SENDING
    return spec


def sent(_call: Call, response: Any) -> Outcome:
    return http.client_response(response.status_code, _text(response.reason), response.headers)


def _text(value: str | bytes | None) -> str | None:
    """Header values and reasons are bytes where the application or the server made them so."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _request(call: Call) -> tuple[Any, ...]:
    return (call.arg(0, "request"),)


def _response(call: Call, response: Any) -> tuple[Any, ...]:
    return call.arg(0, "request"), response


class RequestsInstrumentor(ForSessions):
    options = Options(
        client=http.CLIENT, hooks={"request_hook": when_started(_request), "response_hook": when_finished(_response)}
    )
    hooks = {
        # A redirect is sent by the same method, called again from inside itself: its span is the first one's child.
        "requests.sessions": {"Session.send": traced(send, sent, suppressed_by=http.SUPPRESSED)},
        # The clients below are silent here and no longer: an authentication that sends requests of its own is called
        # inside a session, and what it sends has spans.
        "requests.adapters": {"HTTPAdapter.send": suppress(http.SUPPRESSED, inside=_SENDING)},
    }
