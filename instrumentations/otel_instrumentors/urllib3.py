"""urllib3: a span for each request that a connection pool sends, and for each retry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from opentelemetry.context import Context, create_key
from opentelemetry.propagators.textmap import Setter
from opentelemetry.semconv.attributes.url_attributes import URL_FULL

from .kernel.call import Arguments, Call, Outcome, SpanSpec
from .kernel.hooks.suppress import suppress
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options, in_place, when_finished, when_started
from .semconv import http

URLLIB3_RETRIES_REMAINING = "urllib3.retries_remaining"
"""How many retries the request has left, where that is known when it is sent."""

_SENDING = create_key("otel_instrumentors.urllib3.sending")
_HEADERS = 3
"""The position of the argument `headers`."""


class RequestInfo(NamedTuple):
    """What `request_hook` is given of a request."""

    method: str
    url: str
    headers: Mapping[str, str] | None
    body: Any


def send(call: Call) -> SpanSpec:
    given = _given(call)
    # A copy, as urllib3 itself makes one: these are the application's, or the pool's for every request.
    headers = given.copy() if hasattr(given, "copy") else dict(given)
    spec = http.client_request(call.arg(0, "method"), url(call), headers, _agent(headers))
    spec.setter, spec.silences = _headers, _SENDING
    left = getattr(call.arg(4, "retries"), "total", None)
    if type(left) is int and spec.attributes is not None:
        spec.attributes = {**spec.attributes, URLLIB3_RETRIES_REMAINING: left}
    return spec


def sent(_call: Call, response: Any) -> Outcome:
    return http.client_response(response.status, response.reason, response.headers)


def _given(call: Call) -> Any:
    headers = call.arg(_HEADERS, "headers")
    return call.instance.headers if headers is None else headers


def _agent(headers: Mapping[str, str]) -> str | None:
    found = next((value for name, value in headers.items() if name.lower() == "user-agent"), None)
    return found if isinstance(found, str) else None


def url(call: Call) -> str:
    """The URL that is asked for: of the pool's server where the call names only a path of it."""
    target = call.arg(1, "url")
    if not target.startswith("/"):
        return str(target).partition("#")[0]
    pool = call.instance
    # One with a single colon has the port in it, as http.client takes it.
    host = f"[{pool.host}]" if pool.host.count(":") > 1 and not pool.host.startswith("[") else pool.host
    is_default = pool.port in (None, http.DEFAULT_PORTS.get(pool.scheme))
    return f"{pool.scheme}://{host}{target}" if is_default else f"{pool.scheme}://{host}:{pool.port}{target}"


def with_context(call: Call, _context: Context) -> Arguments | None:
    """The call with the headers that tell of its span."""
    args, kwargs = call.args, call.kwargs
    if call.carrier is None:
        return None
    if len(args) > _HEADERS:
        return (*args[:_HEADERS], call.carrier, *args[_HEADERS + 1 :]), kwargs
    return args, {**kwargs, "headers": call.carrier}


class _Headers(Setter[Any]):
    """Headers of any kind of mapping; a plain one tells upper case from lower, which a server does not."""

    def set(self, carrier: Any, key: str, value: str) -> None:
        if type(carrier) is dict:
            for name in [name for name in carrier if name.lower() == key]:
                del carrier[name]
        carrier[key] = value


_headers = _Headers()


def _request(call: Call) -> tuple[Any, ...]:
    info = RequestInfo(call.arg(0, "method"), url(call), call.arg(_HEADERS, "headers"), call.arg(2, "body"))
    return call.instance, info


def _response(call: Call, response: Any) -> tuple[Any, ...]:
    return call.instance, response


def _asked(call: Call) -> tuple[Any, ...]:
    return (url(call),)


class Urllib3Instrumentor(Instrumentor):
    options = Options(
        client=http.CLIENT,
        hooks={
            "request_hook": when_started(_request),
            "response_hook": when_finished(_response),
            "url_filter": in_place(URL_FULL, _asked),
        },
    )
    hooks = {
        "urllib3.connectionpool": {
            # A retry, and a redirect that a pool follows, are calls of this method from inside itself.
            "HTTPConnectionPool.urlopen": traced(send, sent, suppressed_by=http.SUPPRESSED, prepare=with_context),
            # Below it http.client is silent.
            "HTTPConnectionPool._make_request": suppress(http.SUPPRESSED, inside=_SENDING),
        }
    }
