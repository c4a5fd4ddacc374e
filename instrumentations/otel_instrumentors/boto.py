"""boto 2: a span for each call of an API, its retries and redirections included."""

from __future__ import annotations

import sys
from typing import Any

from opentelemetry.semconv.attributes.http_attributes import HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .semconv import aws

PROTOCOL = "boto.protocol"
"""How a service is asked: by `query` and `json` the request names what is to be done, by `rest` it does not."""

_MOST_FRAMES = 16


def call(call: Call) -> SpanSpec:
    connection, request = call.instance, call.arg(0, "request")
    prefix = connection.host.partition(".")[0]
    protocol, operation = asked(request)
    region = getattr(getattr(connection, "region", None), "name", None)
    spec = aws.api_call(prefix, prefix, operation, region, request.params if protocol == "query" else None, None)
    spec.attributes = {**(spec.attributes or {}), PROTOCOL: protocol, HTTP_REQUEST_METHOD: request.method}
    return spec


def asked(request: Any) -> tuple[str, str]:
    """How a service is asked, and for what: an action, or the function of the library that asks."""
    action = (request.params or {}).get("Action")
    if action:
        return "query", action
    target = (request.headers or {}).get("X-Amz-Target")
    return ("json", target.rpartition(".")[2]) if target else ("rest", _asking())


def _asking() -> str:
    """The name of the function that called `make_request`, as each kind of connection has one."""
    frame = sys._getframe(1)
    was_made = False
    for _ in range(_MOST_FRAMES):
        name = frame.f_code.co_name
        if was_made and name != "make_request":
            return name
        was_made = name == "make_request"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "make_request"


def answered(_call: Call, response: Any) -> Outcome:
    status = response.status
    return Outcome({HTTP_RESPONSE_STATUS_CODE: status}, error=str(status) if status >= 400 else None)


def failed(_call: Call, error: Exception) -> Outcome:
    """A service that answered 5xx to each try has a status, one that did not answer none."""
    status = getattr(error, "status", None)
    return Outcome({HTTP_RESPONSE_STATUS_CODE: status} if status else None, error=error)


class BotoInstrumentor(Instrumentor):
    # The one way by which the connections of all services send.
    hooks = {"boto.connection": {"AWSAuthConnection._mexe": traced(call, answered, explain=failed)}}
