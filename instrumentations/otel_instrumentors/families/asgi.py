"""ASGI applications (ASGI 3): one span for each HTTP request, until its body is sent, and each WebSocket handshake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from opentelemetry.context import create_key, set_value
from opentelemetry.propagators.textmap import Getter
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_HEADER_TEMPLATE,
    HTTP_RESPONSE_HEADER_TEMPLATE,
)
from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel.aftermath import left_behind
from ..kernel.call import Call, Incoming, Outcome, SpanSpec
from ..kernel.current import attach, detach, get_current
from ..kernel.hook import Hook, Target, standing_for
from ..kernel.options import Asked, Options, when_started, when_told
from ..kernel.recording import Recording
from ..kernel.response import propagate_response
from ..kernel.scope import Describe, Scope, inside_request
from ..semconv import http
from ..semconv.headers import Wanted, captured

AsgiScope = dict[str, Any]
Attributes = dict[str, AttributeValue]
Pairs = Iterable[tuple[bytes, bytes]]
_PATH_CHARACTERS = "/:@!$&'()*+,;=~-._"
REQUESTS = ("http", "websocket")
"""The types of scopes that are requests."""
_SERVED = create_key("otel_instrumentors.asgi.served")
"""The context key of the headers of the request that is being served: mounted applications get the same ones.

Or of the application whose requests are not to be recorded, while it serves one.
"""


def application(describe: Describe) -> Hook:
    """A hook for a coroutine method `(scope, receive, send)` of an application class; `describe` names its requests.

    The span is current while the application runs, in the tasks and threads that it starts, too. It ends when the last
    part of the body is sent, or when the application is done without that. An application that is called with the
    request of another one (mounted in it) makes no second span. The lifespan protocol is left alone.

    The span of a WebSocket is that of its handshake: it ends when the connection is accepted or refused. There is none
    of a message. What is done for one is below the handshake, or begins a trace of its own when that is long over.
    """
    return _Application(describe)


def request(scope: AsgiScope, attributes: Attributes | None = None) -> SpanSpec:
    """The span of the request in `scope`, with what the framework adds in `attributes` (completed in place)."""
    attributes = {} if attributes is None else attributes
    pairs = _pairs(scope)
    headers = dict(pairs)
    query = scope.get("query_string") or ""
    scheme = scope.get("scheme") or "http"
    address, port = _host(headers.get(b"host", b""), scope.get("server"))
    client = scope.get("client")
    versions = scope.get("asgi") or {}
    for key, version in (
        (http.ASGI_VERSION, versions.get("version")),
        (http.ASGI_SPEC_VERSION, versions.get("spec_version")),
    ):
        if version:
            attributes[key] = version
    wanted = captured().server_request
    if wanted is not None:
        attributes.update(wanted.of(pairs))
    return http.server_request(
        scope["method"] if "method" in scope else handshake_method(scope),
        scheme=scheme,
        path=quote(scope.get("path", ""), _PATH_CHARACTERS, errors="replace") or "/",
        query=query if isinstance(query, str) else query.decode("latin-1"),
        address=address,
        port=port,
        client=client[0] if client else None,
        user_agent=headers.get(b"user-agent", b"").decode("latin-1"),
        referrer=headers.get(b"referer", b"").decode("latin-1"),
        protocol_version=scope.get("http_version"),
        attributes=attributes,
    )


def handshake_method(scope: AsgiScope) -> str:
    """How a WebSocket is asked for (RFC 6455, RFC 8441): its scope has no method."""
    return "GET" if _is_upgraded(scope) else "CONNECT"


def _is_upgraded(scope: AsgiScope) -> bool:
    return str(scope.get("http_version") or "1.1").startswith("1")


def _pairs(scope: AsgiScope) -> Sequence[tuple[bytes, bytes]]:
    """The headers of a request, or of a message. What can be read but once is left to those it is meant for."""
    pairs = scope.get("headers")
    return pairs if isinstance(pairs, (list, tuple)) else ()


def _host(header: bytes, server: Any) -> tuple[str | None, int | None]:
    """Host and port that the client asked for (its Host header), else those of the server."""
    if header:
        return http.host_and_port(header.decode("latin-1"))
    return (server[0], server[1]) if server else (None, None)


class _RequestHeaders(NamedTuple):
    """The request headers of an ASGI scope: pairs of bytes, the names in lower case."""

    pairs: Sequence[tuple[bytes, bytes]]
    by_name: dict[bytes, bytes]
    """The last one of each name."""


class _Headers(Getter[_RequestHeaders]):
    """Looks a name up before it looks for all headers that have it: most of what is looked for is not there."""

    def get(self, carrier: _RequestHeaders, key: str) -> list[str] | None:
        name = key.lower().encode("latin-1")
        last = carrier.by_name.get(name)
        if last is None:
            return None
        if len(carrier.by_name) == len(carrier.pairs):
            return [last.decode("latin-1")]
        return [value.decode("latin-1") for each, value in carrier.pairs if each == name]

    def keys(self, carrier: _RequestHeaders) -> list[str]:
        return [name.decode("latin-1") for name, _ in carrier.pairs]


_headers = _Headers()


def incoming(call: Call) -> Incoming | None:
    """The headers; None within another request's (an application mounted in it), which has read the same ones."""
    if inside_request():
        return None
    pairs = _pairs(call.args[0])
    return Incoming(_RequestHeaders(pairs, dict(pairs)), _headers)


class _Application:
    __slots__ = ("describe",)

    def __init__(self, describe: Describe) -> None:
        self.describe = describe

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, describe, ours = target.function, self.describe, scope

        # Called with fewer arguments it fails at once, as it always did: that is how servers tell it from a factory.
        async def wrapper(self: Any, scope: AsgiScope, receive: Any, send: Any) -> Any:
            if not ours.active or _is_served(self, scope):
                return await function(self, scope, receive, send)
            call = Call(self, (scope, receive, send), {})
            recording = _opened(describe, call, ours)
            if recording is None:
                if not ours.leaves_out(call):
                    return await function(self, scope, receive, send)
                # The class that its own is derived from may be hooked as well: FastAPI's application is Starlette's.
                token = attach(set_value(_SERVED, self))
                try:
                    return await function(self, scope, receive, send)
                finally:
                    detach(token)
            # Entered here, and ended wherever the last part is sent: that may be another task, with its own context.
            here = Recording(recording.span, recording.context)
            here.enter()
            try:
                if recording.is_attended:
                    receive, send = _receiving(receive, scope, recording), _passing(send, scope, recording)
                following = _sending if scope["type"] == "http" else _shaking_hands
                result = await function(self, scope, receive, following(send, scope, recording))
            except BaseException as error:
                here.abandon()
                recording.fail(error)
                raise
            here.leave()
            recording.end()
            return result

        return standing_for(function, wrapper)


def _is_served(application: Any, scope: Any) -> bool:
    """Whether this is the request that is being served, of which there is a span, or is not to be."""
    served = get_current().get(_SERVED)
    return served is not None and (
        served is application or (isinstance(scope, dict) and served is scope.get("headers"))
    )


def _opened(describe: Describe, call: Call, ours: Scope) -> Recording | None:
    scope = call.args[0]
    if not isinstance(scope, dict) or scope.get("type") not in REQUESTS:
        return None
    recording = ours.open(describe, call, None, incoming)
    if recording is not None:
        context = set_value(_SERVED, scope.get("headers"), recording.context)
        recording.context = context if scope["type"] == "http" else left_behind(context)
    return recording


def _sending(send: Callable[[Any], Any], _scope: AsgiScope, recording: Recording) -> Callable[[Any], Any]:
    """The server's `send`, which tells us in passing the status, and when the body is complete."""

    async def sending(message: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "http.response.start":
            message = _learn_answer(recording, message)
        elif kind == "http.response.body" and not message.get("more_body"):
            try:
                await send(message)
            finally:
                recording.end()
            return
        await send(message)

    return sending


_ENDS_OF_HANDSHAKE = ("websocket.accept", "websocket.close", "websocket.http.response.body")


def _shaking_hands(send: Callable[[Any], Any], scope: AsgiScope, recording: Recording) -> Callable[[Any], Any]:
    """The `send` of a WebSocket's server, which tells us in passing what becomes of the handshake."""

    async def sending(message: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) and not recording.ended else None
        if kind == "websocket.http.response.start":
            message = _learn_answer(recording, message)
        elif kind == "websocket.accept":
            message = _learn_answer(recording, message, 101 if _is_upgraded(scope) else 200)
        elif kind == "websocket.close":
            # What servers answer where the application refuses the connection; they take no headers for it.
            recording.learn(_answered, message, 403)
        if kind not in _ENDS_OF_HANDSHAKE or message.get("more_body"):
            await send(message)
            return
        try:
            await send(message)
        finally:
            recording.end()

    return sending


def _learn_answer(recording: Recording, message: dict[str, Any], status: int | None = None) -> dict[str, Any]:
    """The message to send: with the headers of a propagator for responses, where one is set."""
    recording.learn(_answered, message, status)
    added: list[tuple[bytes, bytes]] = []
    propagate_response(added, recording, _append)
    # The application's own message and headers may serve the next response, too.
    return {**message, "headers": [*(message.get("headers") or ()), *added]} if added else message


def _append(headers: Any, name: str, value: str) -> None:
    headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))


def _receiving(receive: Callable[[], Any], scope: AsgiScope, recording: Recording) -> Callable[[], Any]:
    """The server's `receive`, for those who asked to see what it gives."""

    async def receiving() -> Any:
        message = await receive()
        recording.learn(_received, scope, message)
        return message

    return receiving


def _passing(send: Callable[[Any], Any], scope: AsgiScope, recording: Recording) -> Callable[[Any], Any]:
    """The server's `send`, for those who asked to see what it is given."""

    async def passing(message: Any) -> None:
        recording.learn(_passed, scope, message)
        await send(message)

    return passing


def _received(_scope: AsgiScope, _message: Any) -> None:
    """Somebody may have asked to see it."""


def _passed(_scope: AsgiScope, _message: Any) -> None:
    """Somebody may have asked to see it."""


def _both(scope: AsgiScope, message: Any) -> tuple[Any, ...]:
    return scope, message


def _scope(call: Call) -> tuple[Any, ...]:
    return call.args[:1]


def _answered(message: dict[str, Any], status: int | None) -> Outcome:
    """`status` is that of a message which stands for an answer without bearing one."""
    wanted = captured().server_response
    return http.server_response(
        message["status"] if status is None else status,
        wanted.of(_pairs(message)) if wanted is not None else None,
    )


def _answer(message: dict[str, Any], _status: int | None) -> tuple[Any, ...]:
    return (message,)


def _received_size(call: Call) -> tuple[Any, ...]:
    return (_length(_pairs(call.args[0])),)


def _sent_size(message: dict[str, Any], _status: int | None) -> tuple[Any, ...]:
    return (_length(_pairs(message)),)


def _length(pairs: Pairs) -> int | None:
    return next((http.length(value) for name, value in pairs if name.lower() == b"content-length"), None)


OPTIONS = Options(
    server=http.SERVER._replace(excludes=http.address_of),
    hooks={
        "server_request_hook": when_started(_scope, SpanKind.SERVER),
        "client_request_hook": when_told(_received, _both),
        "client_response_hook": when_told(_passed, _both),
    },
    sizes=http.sizes(SpanKind.SERVER, _received_size, when_told(_answered, _sent_size)),
)
"""What whoever instruments an ASGI framework may ask for."""

MIDDLEWARE_OPTIONS = OPTIONS._replace(
    hooks={
        **OPTIONS.hooks,
        "default_span_details": when_started(_scope, SpanKind.SERVER),
        "captured_request": when_started(_scope, SpanKind.SERVER),
        "captured_response": when_told(_answered, _answer),
    }
)
"""What whoever puts a middleware around an application may ask for; `detailing` and `capturing` make the last three."""

_CAPTURES = tuple(f"http_capture_headers_{which}" for which in ("server_request", "server_response", "sanitize_fields"))


def _translated(asked: Asked) -> Asked:
    """Keywords of OpenTelemetry's own for FastAPI; there are no spans of messages for `exclude_spans` to leave out."""
    left = {name: value for name, value in asked.items() if name not in (*_CAPTURES, "exclude_spans")}
    return {**left, **capturing(*(asked.get(name) for name in _CAPTURES))}


APPLICATION_OPTIONS = OPTIONS._replace(
    hooks={
        **OPTIONS.hooks,
        "captured_request": when_started(_scope, SpanKind.SERVER),
        "captured_response": when_told(_answered, _answer),
    },
    translate=_translated,
)
"""What whoever instruments an application of Starlette's may ask for."""


def detailing(details: Callable[[AsgiScope], tuple[str, Attributes]] | None) -> Callable[..., None] | None:
    """A hook that gives a span the name and the attributes that `details` says of its scope."""
    if details is None:
        return None

    def detail(span: Span, scope: AsgiScope) -> None:
        name, attributes = details(scope)
        span.set_attributes(attributes)
        span.update_name(name)

    return detail


def capturing(
    request: Iterable[str] | None, response: Iterable[str] | None, secret: Iterable[str] | None
) -> dict[str, Callable[..., None]]:
    """Hooks that make attributes of headers, of requests and of responses, beside those that variables name."""
    hooks: dict[str, Callable[..., None]] = {}
    if request:
        of_request = Wanted(HTTP_REQUEST_HEADER_TEMPLATE, request, secret or ())
        hooks["captured_request"] = lambda span, scope: span.set_attributes(of_request.of(_pairs(scope)))
    if response:
        of_response = Wanted(HTTP_RESPONSE_HEADER_TEMPLATE, response, secret or ())
        hooks["captured_response"] = lambda span, message: span.set_attributes(of_response.of(_pairs(message)))
    return hooks
