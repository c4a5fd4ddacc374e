"""http.client: a span for each request, until its response is read or closed; urllib.request's, too."""

from __future__ import annotations

from typing import Any

from opentelemetry.propagators.textmap import Setter

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hooks.span_per_exchange import SpanPerExchange
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import http


def send(call: Call) -> SpanSpec | None:
    """All is known when the headers end: the connection keeps the lines that it is about to send."""
    connection = call.instance
    if not connection._buffer:
        return None  # There is no request: it is about to say so.
    request, *lines = (line.decode("latin-1") for line in connection._buffer)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    agent = next((value for name, value in headers if name.lower() == "user-agent"), None)
    target = request.partition(" ")[2].rpartition(" ")[0]
    spec = http.client_request(connection._method, url(connection, target), None, agent, headers)
    spec.carrier, spec.setter = connection, _headers
    return spec


def url(connection: Any, target: str) -> str:
    """The URL of what a request line asks for: of the server behind a tunnel, and not of the proxy."""
    host, port = connection.host, connection.port
    if connection._tunnel_host:
        host, port = connection._tunnel_host, connection._tunnel_port
    scheme = "https" if connection.default_port == http.DEFAULT_PORTS["https"] else "http"
    name = f"[{host}]" if ":" in host else host
    origin = f"{scheme}://{name}" if port in (None, connection.default_port) else f"{scheme}://{name}:{port}"
    if target.startswith("/"):
        return origin + target
    return target if "://" in target else origin  # whole where a proxy is asked


class _Headers(Setter[Any]):
    """The headers that a connection is about to send, those of the application among them."""

    def set(self, carrier: Any, key: str, value: str) -> None:
        name = key.lower().encode() + b":"
        carrier._buffer[1:] = [line for line in carrier._buffer[1:] if not line.lower().startswith(name)]
        carrier.putheader(key, value)


_headers = _Headers()


def received(_call: Call, response: Any) -> Outcome:
    return http.client_response(response.status, headers=response.headers)


def is_read(response: Any) -> bool:
    return bool(response.isclosed() or response.length == 0)


_requests = SpanPerExchange(is_read)


class HttplibInstrumentor(Instrumentor):
    options = Options(client=http.CLIENT)
    hooks = {
        "http.client": {
            # Every request comes by here, also one that is put together line by line.
            "HTTPConnection.endheaders": _requests.begin(send, suppressed_by=http.SUPPRESSED),
            "HTTPConnection.send": _requests.send(),
            "HTTPConnection.getresponse": _requests.answer(received),
            "HTTPConnection.close": _requests.close(),
            "HTTPResponse.read": _requests.read(),
            "HTTPResponse.read1": _requests.read(),
            "HTTPResponse.readinto": _requests.read(),
            "HTTPResponse.readline": _requests.read(),
            "HTTPResponse.close": _requests.close(),
        }
    }
