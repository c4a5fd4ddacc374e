"""Tornado: a span for each request that is served, for each that `AsyncHTTPClient` sends, and for each template."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from .kernel.call import Arguments, Call, Incoming, Outcome, SpanSpec
from .kernel.hooks.span_per_object import SpanPerObject
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options, when_finished, when_started, when_told
from .kernel.recording import Recording
from .semconv import http, templates
from .semconv.headers import captured

HANDLER = "tornado.handler"
"""The class that serves the request."""

_TOKENS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?P<\w+>|\?)?|.", re.DOTALL)
"""The parts of a pattern: what is escaped, sets, beginnings of groups, and signs."""


def add_header(handler: Any, name: str, value: str) -> None:
    there = handler._headers.get_list(name)
    # Before 4.1 they are kept as bytes.
    if not handler._headers_written and value not in there and value.encode() not in there:
        handler.add_header(name, value)


_requests = SpanPerObject(add_header)


def serve(call: Call) -> SpanSpec:
    handler = call.instance
    request, kind = handler.request, type(handler)
    headers, wanted = request.headers, captured().server_request
    address, port = http.host_and_port(request.host or "")
    attributes: dict[str, AttributeValue] = wanted.of(headers.get_all()) if wanted is not None else {}
    attributes[HANDLER] = f"{kind.__module__}.{kind.__name__}"
    spec = http.server_request(
        request.method,
        scheme=request.protocol,
        path=request.path,
        query=request.query,
        address=address,
        port=port,
        client=request.remote_ip,
        user_agent=headers.get("User-Agent"),
        referrer=headers.get("Referer"),
        protocol_version=request.version.rpartition("/")[2],
        attributes=attributes,
    )
    route = next(_routes(handler), None)
    if route is not None:
        routed = http.routed(request.method, route, attributes)
        spec.name = routed.name or spec.name
    return spec


def _routes(handler: Any) -> Iterator[str]:
    """The paths of the rules that lead to the handler's class, as Tornado writes them to reverse them: `/tea/%s`."""
    application, request = handler.application, handler.request
    router = getattr(application, "default_router", None)
    if router is not None:
        yield from _routed(router.rules, type(handler), request)
        return
    # Before 4.5
    for spec in application._get_host_handlers(request) or ():
        if spec.handler_class is type(handler) and spec.regex.match(request.path):
            yield _path(spec)


def _routed(rules: Iterable[Any], kind: type[Any], request: Any) -> Iterator[str]:
    for rule in rules:
        target, matcher = rule.target, rule.matcher
        if target is kind:
            if hasattr(matcher, "regex") and matcher.match(request) is not None:
                yield _path(matcher)
        elif hasattr(target, "rules") and matcher.match(request) is not None:
            yield from _routed(target.rules, kind, request)


def _path(rule: Any) -> str:
    path: str | None = rule._path
    return _readable(rule.regex.pattern) if path is None else path


@lru_cache(512)
def _readable(pattern: str) -> str:
    """What Tornado would write for a pattern that it cannot reverse: `%s` for what is captured, the rest as it is."""
    parts: list[str] = []
    groups: list[bool] = []
    for token in _TOKENS.findall(pattern.removeprefix("^").removesuffix("$")):
        is_captured = any(groups)
        if token == ")":
            groups.pop()
        elif token[0] == "(":
            groups.append(token != "(?")
            token = token if token == "(?" else "%s"
        if not is_captured:
            parts.append(token)
    return "".join(parts)


class _Headers(Getter[Any]):
    """The request headers of Tornado."""

    def get(self, carrier: Any, key: str) -> list[str] | None:
        values: list[str] = carrier.get_list(key)
        return values or None

    def keys(self, carrier: Any) -> list[str]:
        return list(carrier.keys())


_headers = _Headers()


def incoming(call: Call) -> Incoming:
    return Incoming(call.instance.request.headers, _headers)


def is_over(call: Call) -> bool:
    """Whether a handler whose method is done has answered: it may be waiting for somebody to call its `finish`."""
    handler = call.instance
    # Before 6.0 the method is done when a WebSocket is open.
    return bool(handler._finished) or getattr(handler, "ws_connection", None) is not None


def unhandled(call: Call) -> Outcome | None:
    from tornado.iostream import StreamClosedError
    from tornado.web import Finish

    error = call.arg(0, "e")
    if not isinstance(error, Exception) or isinstance(error, Finish) or getattr(error, "status_code", 500) < 500:
        return None
    stream = getattr(call.instance.request.connection, "stream", None)
    if isinstance(error, StreamClosedError) and stream is not None and stream.closed():
        return None  # The client has left.
    return Outcome(error=error)


def finished(call: Call) -> Outcome:
    handler = call.instance
    wanted = captured().server_response
    headers = wanted.of(handler._headers.get_all()) if wanted is not None else None
    return http.server_response(handler.get_status(), headers)


def render(call: Call) -> SpanSpec:
    return templates.span("tornado", "render", call.instance.name)


def fetch(call: Call) -> SpanSpec | None:
    request = call.arg(0, "request")
    given = call.kwargs if isinstance(request, str) else vars(request)
    if "original_request" in given:
        return None  # A redirect that is followed.
    url = request if isinstance(request, str) else request.url
    headers = list(_pairs(given.get("headers") or given.get("_headers")))
    agents = [value for name, value in headers if name.lower() == "user-agent"]
    agent = agents[-1] if agents else given.get("user_agent")
    return http.client_request(given.get("method") or "GET", url, {}, agent, headers)


def _pairs(headers: Any) -> Iterable[tuple[str, str]]:
    if not headers:
        return ()
    every = getattr(headers, "get_all", None)
    return headers.items() if every is None else every()  # type: ignore[no-any-return]


def propagated(call: Call, _context: Context) -> Arguments | None:
    carrier = call.carrier
    if not carrier:
        return None
    request = call.arg(0, "request")
    given = call.kwargs.get("headers") if isinstance(request, str) else request.headers
    # A copy of the application's own kind: what Tornado minds in a header it is to tell the application, not us.
    headers = {} if given is None else given.copy()
    for name, value in carrier.items():
        headers[name] = value
    if isinstance(request, str):
        return call.args, {**call.kwargs, "headers": headers}
    # The application may send its own again, and elsewhere.
    request = copy.copy(request)
    request.headers = headers
    if call.args:
        return (request, *call.args[1:]), call.kwargs
    return call.args, {**call.kwargs, "request": request}


def awaited(call: Call, future: Any, recording: Recording) -> Any:
    future.add_done_callback(partial(_fetched, call, recording))
    return future


def _fetched(call: Call, recording: Recording, future: Any) -> None:
    # Not `exception()`: asyncio would take it for looked after, and say no more of it.
    error = getattr(future, "_exception", None)
    failed = getattr(error, "response", None)
    recording.learn(settled, future)
    if future.cancelled():
        recording.end()
    elif error is not None and failed is None:
        recording.fail(error)
    else:
        recording.finish(fetched, call, future.result() if error is None else failed)


def settled(_future: Any) -> None:
    """Somebody may have asked to see it."""


def fetched(call: Call, response: Any) -> Outcome | None:
    request = call.arg(0, "request")
    if not isinstance(request, str):
        response.request = request
    if response.code == 599:
        return Outcome(error=response.error)
    return http.client_response(response.code, response.reason, response.headers)


def _handler(call: Call) -> tuple[Any, ...]:
    return (call.instance,)


def _served(call: Call) -> tuple[Any, ...]:
    return (call.instance.request,)


def _request(call: Call) -> tuple[Any, ...]:
    return (call.arg(0, "request"),)


def _future(future: Any) -> tuple[Any, ...]:
    return (future,)


def _received_size(call: Call) -> tuple[Any, ...]:
    return (http.length(call.instance.request.headers.get("Content-Length", "0")),)


def _answered_size(call: Call) -> tuple[Any, ...]:
    return (http.length(call.instance._headers.get("Content-Length", "0")),)


def _sent_size(call: Call) -> tuple[Any, ...]:
    request = call.arg(0, "request")
    body = (call.kwargs.get("body") if isinstance(request, str) else request.body) or b""
    return (len(body if isinstance(body, bytes) else body.encode()),)


def _fetched_size(_call: Call, response: Any) -> tuple[Any, ...]:
    return (http.length(response.headers.get("Content-Length", "0")),)


class TornadoInstrumentor(Instrumentor):
    options = Options(
        server=http.SERVER._replace(excludes=http.target_of),
        client=http.CLIENT,
        hooks={
            "server_request_hook": when_started(_handler, SpanKind.SERVER),
            "client_request_hook": when_started(_request, SpanKind.CLIENT),
            "client_response_hook": when_told(settled, _future),
        },
        request=when_started(_served, SpanKind.SERVER),
        sizes=(
            *http.sizes(SpanKind.SERVER, _received_size, when_told(finished, _answered_size)),
            *http.sizes(SpanKind.CLIENT, _sent_size, when_finished(_fetched_size, SpanKind.CLIENT)),
        ),
    )

    hooks = {
        "tornado.web": {
            # Before 5.0 a coroutine has no context of its own: there the span is current until the first `yield`.
            "RequestHandler._execute": _requests.start(serve, incoming, is_over),
            "RequestHandler._handle_request_exception": _requests.annotate(unhandled),
            "RequestHandler.finish": _requests.end(finished),
            "RequestHandler.on_connection_close": _requests.end(if_idle=True),
        },
        "tornado.httpclient": {
            "AsyncHTTPClient.fetch": traced(fetch, suppressed_by=http.SUPPRESSED, prepare=propagated, hold=awaited),
        },
        "tornado.template": {"Template.generate": traced(render)},
    }
