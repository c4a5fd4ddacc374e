"""HTTPX: a span for each request that a client is asked to send, with the redirects that it follows; sync and async."""

from __future__ import annotations

from typing import Any

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.for_objects import ForClients
from .kernel.hooks.traced import traced
from .kernel.options import Options, when_finished, when_started
from .semconv import http


def send(call: Call) -> SpanSpec:
    request = call.arg(0, "request")
    headers = request.headers
    return http.client_request(request.method, _url(request.url), headers, headers.get("user-agent"))


def _url(url: Any) -> str:
    """The URL that is asked for: without a fragment, and with a path."""
    text = str(url).partition("#")[0]
    return f"{text}/" if url.raw_path == b"/" and not text.endswith("/") else text


def sent(_call: Call, response: Any) -> Outcome:
    return http.client_response(response.status_code, response.reason_phrase, response.headers)


def _request(call: Call) -> tuple[Any, ...]:
    return (call.arg(0, "request"),)


def _response(call: Call, response: Any) -> tuple[Any, ...]:
    return call.arg(0, "request"), response


# What is sent in answer to a redirect, or to prove who asks, has the headers of the first request and so its span.
_sent = traced(send, sent, suppressed_by=http.SUPPRESSED)


class HttpxInstrumentor(ForClients):
    options = Options(
        client=http.CLIENT, hooks={"request_hook": when_started(_request), "response_hook": when_finished(_response)}
    )
    hooks = {"httpx": {"Client.send": _sent, "AsyncClient.send": _sent}}
