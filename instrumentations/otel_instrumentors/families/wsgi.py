"""WSGI applications (PEP 3333): one span for each request, until the last byte of the body."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any
from urllib.parse import quote

from opentelemetry.context import create_key, set_value
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel import numbers
from ..kernel.call import Call, Incoming, Outcome, SpanSpec
from ..kernel.current import get_current
from ..kernel.hook import Hook, Target, standing_for
from ..kernel.options import Options, when_started, when_told
from ..kernel.proxy import Proxy, stand_for
from ..kernel.recording import Recording
from ..kernel.response import propagate_response
from ..kernel.scope import Describe, Scope, inside_request
from ..semconv import http
from ..semconv.headers import captured

Environ = dict[str, Any]
Attributes = dict[str, AttributeValue]
_PATH_CHARACTERS = "/:@!$&'()*+,;=~-._%"
_SERVED = create_key("otel_instrumentors.wsgi.served")
"""The key, in the context and in `environ`, of what tells the request that a middleware has a span of."""
_COMPLETE = (list, tuple)
"""Bodies that are there already: nothing of the application's runs when a server reads them."""


def application(describe: Describe) -> Hook:
    """A hook for a method `(environ, start_response)` of an application class; `describe` names its requests."""
    return _Application(describe)


def middleware(describe: Describe) -> Hook:
    """The same for a middleware that may be around any application, or inside of one that is hooked.

    Within a request that is served already it makes no span. An application makes none that is called with the
    `environ` of the middleware's request, or with a copy of it.
    """
    return _Application(describe, is_middleware=True)


def request(environ: Environ, attributes: Attributes | None = None) -> SpanSpec:
    """The span of the request in `environ`, with what the framework adds in `attributes` (completed in place)."""
    scheme = environ.get("wsgi.url_scheme", "http")
    address, port = _host(environ)
    protocol = environ.get("SERVER_PROTOCOL", "")
    wanted = captured().server_request
    if wanted is not None:
        attributes = {} if attributes is None else attributes
        attributes.update(wanted.of(_pairs(environ)))
    return http.server_request(
        environ.get("REQUEST_METHOD", "GET"),
        scheme=scheme,
        path=quote(_decoded(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")), _PATH_CHARACTERS) or "/",
        query=environ.get("QUERY_STRING", ""),
        address=address,
        port=port,
        client=environ.get("REMOTE_ADDR"),
        user_agent=environ.get("HTTP_USER_AGENT"),
        referrer=environ.get("HTTP_REFERER"),
        protocol_version=protocol[5:] if protocol.startswith("HTTP/") else None,
        attributes=attributes,
    )


def _pairs(environ: Environ) -> Iterator[tuple[str, str]]:
    """The request headers by name; PEP 3333 writes `_` for `-`, and two of them without a prefix."""
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            yield key[5:].replace("_", "-"), value
        elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield key.replace("_", "-"), value


def _host(environ: Environ) -> tuple[str | None, int | None]:
    """Host and port that the client asked for (its Host header), else those of the server."""
    host: str = environ.get("HTTP_HOST", "")
    if not host:
        return environ.get("SERVER_NAME"), numbers.port(str(environ.get("SERVER_PORT", "")))
    return http.host_and_port(host)


def _decoded(path: str) -> str:
    """WSGI hands bytes over as latin-1 text; paths are UTF-8."""
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


class _Headers(Getter[Environ]):
    """The request headers of a WSGI environment."""

    def get(self, carrier: Environ, key: str) -> list[str] | None:
        value = carrier.get("HTTP_" + key.upper().replace("-", "_"))
        return None if value is None else [value]

    def keys(self, carrier: Environ) -> list[str]:
        return [key[5:].lower().replace("_", "-") for key in carrier if key.startswith("HTTP_")]


_headers = _Headers()


def incoming(call: Call) -> Incoming | None:
    """The headers; None within another request's (an application mounted in it), which has read the same ones."""
    return None if inside_request() else Incoming(call.arg(0, "environ"), _headers)


def _opened(describe: Describe, call: Call, scope: Scope) -> Recording | None:
    served = get_current().get(_SERVED)
    if served is not None:
        (environ,) = _environ(call)
        if environ.get(_SERVED) is served:
            return None
    return scope.open(describe, call, None, incoming)


def _opened_around(describe: Describe, call: Call, scope: Scope) -> Recording | None:
    recording = None if inside_request() else scope.open(describe, call, None, incoming)
    if recording is not None:
        (environ,) = _environ(call)
        served = environ[_SERVED] = object()
        recording.context = set_value(_SERVED, served, recording.context)
    return recording


class _Application:
    __slots__ = ("describe", "is_middleware")

    def __init__(self, describe: Describe, *, is_middleware: bool = False) -> None:
        self.describe = describe
        self.is_middleware = is_middleware

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, describe = target.function, self.describe
        opened = _opened_around if self.is_middleware else _opened

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return function(*args, **kwargs)
            call = target.call(args, kwargs)
            recording = opened(describe, call, scope)
            if recording is None:
                return function(*args, **kwargs)
            try:
                recording.enter()
                if "start_response" in kwargs:
                    kwargs["start_response"] = _Started(kwargs["start_response"], recording, call)
                else:
                    args = (*args[:-1], _Started(args[-1], recording, call))
                body = function(*args, **kwargs)
            except BaseException as error:
                recording.fail(error)
                raise
            if type(body) in _COMPLETE:
                recording.end()
                return body
            # The server iterates the body later, and elsewhere.
            recording.leave()
            return stand_for(_Body, body)(body, recording)

        # Falcon's test client counts the parameters by it, and looks at no `__wrapped__`.
        vars(wrapper)["__signature__"] = signature(function)
        return standing_for(function, wrapper)


def _answered(status: str, rest: tuple[Any, ...], _call: Call) -> Outcome | None:
    code = status[:3]
    if not code.isdecimal():
        return None
    wanted = captured().server_response
    # PEP 3333: the headers come second and what failed third, by position.
    outcome = http.server_response(int(code), wanted.of(rest[0]) if wanted is not None and rest else None)
    if outcome.error is not None and len(rest) > 1 and rest[1]:
        outcome.error = rest[1][1]
    return outcome


def _status_and_headers(status: str, rest: tuple[Any, ...], _call: Call) -> tuple[Any, ...]:
    return status, rest[0] if rest else []


def _request_and_response(status: str, rest: tuple[Any, ...], call: Call) -> tuple[Any, ...]:
    return *_environ(call), status, rest[0] if rest else []


def _environ(call: Call) -> tuple[Any, ...]:
    return call.args[:1] or tuple(call.kwargs.values())[:1]


OPTIONS = Options(
    server=http.SERVER,
    hooks={
        "request_hook": when_started(_environ, SpanKind.SERVER),
        "response_hook": when_told(_answered, _status_and_headers),
    },
)
"""What whoever instruments a WSGI framework may ask for."""

MIDDLEWARE_OPTIONS = OPTIONS._replace(
    hooks={**OPTIONS.hooks, "response_hook": when_told(_answered, _request_and_response)}
)
"""What whoever puts a middleware around an application may ask for."""


def _append(headers: Any, name: str, value: str) -> None:
    headers.append((name, value))


class _Started:
    """The server's `start_response`, which tells us the status in passing."""

    __slots__ = ("_call", "_recording", "_start_response")

    def __init__(self, start_response: Callable[..., Any], recording: Recording, call: Call) -> None:
        self._start_response = start_response
        self._recording = recording
        self._call = call

    def __call__(self, status: str, *args: Any, **kwargs: Any) -> Any:
        self._recording.learn(_answered, status, args, self._call)
        if args:
            added: list[tuple[str, str]] = []
            propagate_response(added, self._recording, _append)
            if added:
                # The application's own list may be the one of every response.
                args = ([*args[0], *added], *args[1:])
        return self._start_response(status, *args, **kwargs)


class _Parts:
    """An iterator over a body that is not one itself: the span is current while each part is made."""

    __slots__ = ("_body", "_parts")

    def __init__(self, body: _Body, parts: Iterator[Any]) -> None:
        self._body = body
        self._parts = parts

    def __iter__(self) -> _Parts:
        return self

    def __next__(self) -> Any:
        return _next(self._parts, self._body._self_recording)


class _Body(Proxy):
    """A response body: the span is current while it makes its parts, and ends with the last one or on `close`.

    A body that nobody iterates or closes (of a client that wants the status alone) ends its span when it is freed.
    """

    __slots__ = ("_self_recording",)

    def __init__(self, body: Any, recording: Recording) -> None:
        super().__init__(body)
        self._self_recording = recording

    def _self_iter(self) -> Any:
        body = self._self_wrapped
        parts = iter(body)
        return self if parts is body else _Parts(self, parts)

    def _self_next(self) -> Any:
        return _next(self._self_wrapped, self._self_recording)

    special = {"__iter__": _self_iter, "__next__": _self_next}

    def close(self) -> None:
        """PEP 3333: called by the server at the end of the request, whatever became of it."""
        recording = self._self_recording
        close = getattr(self._self_wrapped, "close", None)
        recording.enter()
        try:
            if close is not None:
                close()
        except BaseException as error:
            recording.fail(error)
            raise
        recording.end()

    def __del__(self) -> None:
        self._self_recording.end_apart()


def _next(parts: Iterator[Any], recording: Recording) -> Any:
    recording.enter()
    try:
        part = next(parts)
    except StopIteration:
        recording.end()
        raise
    except BaseException as error:
        recording.fail(error)
        raise
    recording.leave()
    return part
