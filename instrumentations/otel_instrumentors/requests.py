"""Requests: a span for each request that a session sends, redirects included."""

from __future__ import annotations

from typing import Any

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .semconv import http


def send(call: Call) -> SpanSpec:
    request = call.arg(0, "request")
    headers = request.headers
    return http.client_request(request.method or "GET", request.url, headers, _text(headers.get("User-Agent")))


def sent(_call: Call, response: Any) -> Outcome:
    return http.client_response(response.status_code, _text(response.reason), response.headers)


def _text(value: str | bytes | None) -> str | None:
    """Header values and reasons are bytes where the application or the server made them so."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


class RequestsInstrumentor(Instrumentor):
    # A redirect is sent by the same method, called again from inside itself: its span is the first one's child.
    hooks = {"requests.sessions": {"Session.send": traced(send, sent, suppressed_by=http.SUPPRESSED)}}
