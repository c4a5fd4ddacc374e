"""aiohttp: a span for each request that is served, until its last byte is sent, and for each that a session sends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.semconv.attributes.url_attributes import URL_FULL
from opentelemetry.trace import SpanKind

from .kernel.call import Arguments, Call, Incoming, Outcome, SpanSpec
from .kernel.for_objects import ForSessions
from .kernel.hooks.annotate_entry_span import annotate_entry_span
from .kernel.hooks.end_entry_span import end_entry_span
from .kernel.hooks.traced import traced
from .kernel.options import Options, in_place, when_finished, when_started
from .semconv import http
from .semconv.headers import captured

_UNREADABLE = "UNKNOWN"
"""The method of what the server could not read as a request; nobody asked for anything."""


def serve(call: Call) -> SpanSpec | None:
    request = call.arg(0, "request")
    if request.method == _UNREADABLE:
        return None
    headers, url, version = request.headers, request.rel_url, request.version
    address, port = http.host_and_port(headers.get("Host", ""))
    wanted = captured().server_request
    return http.server_request(
        request.method,
        scheme=request.scheme,
        path=url.raw_path,
        query=url.raw_query_string,
        address=address,
        port=port,
        client=request.remote,
        user_agent=headers.get("User-Agent"),
        referrer=headers.get("Referer"),
        protocol_version=f"{version.major}.{version.minor}",
        attributes=wanted.of(headers.items()) if wanted is not None else None,
    )


class _Headers(Getter[Any]):
    """The request headers of aiohttp."""

    def get(self, carrier: Any, key: str) -> list[str] | None:
        values: list[str] | None = carrier.getall(key, None)
        return values

    def keys(self, carrier: Any) -> list[str]:
        return [str(key) for key in carrier]


_headers = _Headers()


def incoming(call: Call) -> Incoming:
    return Incoming(call.arg(0, "request").headers, _headers)


def resolved(call: Call, match: Any) -> Outcome | None:
    request, resource = call.arg(0, "request"), match.route.resource
    # Middlewares resolve other paths, too, to see where they could redirect to: with copies of the request.
    current = getattr(request.protocol, "_current_request", None)
    if resource is None or current is None or current is not request:
        return None
    return http.routed(request.method, resource.canonical)


def started(call: Call, _result: Any) -> Outcome:
    response = call.instance
    wanted = captured().server_response
    return http.server_response(response.status, None if wanted is None else wanted.of(response.headers.items()))


def add_header(response: Any, name: str, value: str) -> None:
    response.headers.add(name, value)


def unhandled(call: Call) -> Outcome | None:
    """What aiohttp answers with an error page of its own, or can no longer answer at all."""
    error = call.arg(2, "exc")
    left = call.instance.transport is None and isinstance(error, ConnectionError)
    return None if left or call.arg(1, "status", 500) < 500 else Outcome(error=error)


def served(_call: Call, result: Any) -> Outcome | None:
    response: Any = result[0]
    return Outcome(error=response) if response.status >= 500 and isinstance(response, Exception) else None


def upgraded(_call: Call) -> None:
    """A WebSocket is open: the request has been answered, whatever is said from now on."""


def send(call: Call) -> SpanSpec:
    headers = _headers_of(call)
    agents = [value for name, value in headers if name.lower() == "user-agent"]
    return http.client_request(call.arg(0, "method"), _url(call), {}, agents[-1] if agents else None, headers)


def _headers_of(call: Call) -> list[tuple[str, str]]:
    """The headers of the session and of the call. What can be read only once is the application's to read."""
    given = call.kwargs.get("headers")
    return [*call.instance.headers.items(), *(_pairs(given) if isinstance(given, (Mapping, Sequence)) else ())]


def _url(call: Call) -> str:
    """The URL that the request is for, without a fragment."""
    url, base, params = call.arg(1, "str_or_url"), getattr(call.instance, "_base_url", None), call.kwargs.get("params")
    if base is None and not params and isinstance(url, str) and url.isascii():
        return url.partition("#")[0]
    from yarl import URL

    url = URL(url) if base is None else base.join(URL(url))
    text = str(url.with_fragment(None))
    return f"{text}{'&' if url.raw_query_string else '?'}{url.with_query(params).raw_query_string}" if params else text


def propagated(call: Call, _context: Context) -> Arguments | None:
    carrier = call.carrier
    if not carrier:
        return None
    headers = [(name, value) for name, value in _pairs(call.kwargs.get("headers")) if name.lower() not in carrier]
    return call.args, {**call.kwargs, "headers": [*headers, *carrier.items()]}


def _pairs(headers: Any) -> Iterable[tuple[str, str]]:
    """Headers as applications may give them: a mapping, perhaps with several values for a name, or pairs."""
    if not headers:
        return ()
    return headers.items() if isinstance(headers, Mapping) else headers


def sent(_call: Call, response: Any) -> Outcome:
    return http.client_response(response.status, response.reason, response.headers)


def refused(_call: Call, error: Any) -> Outcome | None:
    """An answer that the session was told to raise; a request that loops through redirects has no status."""
    status = getattr(error, "status", None)
    if not status:
        return None
    outcome = http.client_response(status, error.message, error.headers)
    outcome.error = error
    return outcome


def _sent_url(call: Call) -> tuple[Any, ...]:
    from yarl import URL

    return (URL(_url(call)),)


def _sending(call: Call) -> tuple[Any, ...]:
    """What aiohttp itself tells a trace of a request that begins."""
    from aiohttp import TraceRequestStartParams
    from multidict import CIMultiDict

    (url,) = _sent_url(call)
    return (TraceRequestStartParams(call.arg(0, "method"), url, CIMultiDict(_headers_of(call))),)


def _received(call: Call, response: Any) -> tuple[Any, ...]:
    from aiohttp import TraceRequestEndParams
    from multidict import CIMultiDict

    (url,) = _sent_url(call)
    return (TraceRequestEndParams(call.arg(0, "method"), url, CIMultiDict(_headers_of(call)), response),)


def _owners(call: Call) -> tuple[Any, ...]:
    """A session, or what was given to it of `create_trace_config`."""
    return call.instance, *getattr(call.instance, "_trace_configs", ())


class AiohttpInstrumentor(ForSessions):
    options = Options(
        server=http.SERVER._replace(excludes=http.path_of),
        client=http.CLIENT,
        hooks={
            "url_filter": in_place(URL_FULL, _sent_url),
            "request_hook": when_started(_sending, SpanKind.CLIENT),
            "response_hook": when_finished(_received, SpanKind.CLIENT),
        },
        owners=_owners,
    )

    hooks = {
        # Not the application: every request has a task of its own here, which ends with the last byte of the response.
        "aiohttp.web_protocol": {
            "RequestHandler._handle_request": traced(serve, served, incoming=incoming),
            "RequestHandler.handle_error": end_entry_span(unhandled, when="raised"),
        },
        "aiohttp.web_urldispatcher": {"UrlDispatcher.resolve": annotate_entry_span(resolved, when="returned")},
        "aiohttp.web_response": {
            "StreamResponse._start": annotate_entry_span(started, when="returned", add=add_header)
        },
        "aiohttp.web_ws": {"WebSocketResponse.prepare": end_entry_span(upgraded, when="returned")},
        # A redirect is followed inside.
        "aiohttp.client": {
            "ClientSession._request": traced(
                send, sent, suppressed_by=http.SUPPRESSED, prepare=propagated, explain=refused
            )
        },
    }


def create_trace_config(**options: Any) -> Any:
    """For one session: `ClientSession(trace_configs=[create_trace_config()])`; options as for `instrument()`."""
    from aiohttp import TraceConfig

    config = TraceConfig()
    AiohttpInstrumentor()._instrument_object(config, options)
    return config
