"""HTTPX and its successor HTTPX2: one span for each request that a client is asked to send, with all that follows."""

from __future__ import annotations

import inspect
import sys
from typing import Any, NamedTuple

from opentelemetry.propagators.textmap import Setter

from ..kernel.call import Call, Outcome, SpanSpec
from ..kernel.hooks.traced import traced
from ..kernel.options import Asked, Options, Values, when_finished, when_started
from ..semconv import http
from ..semconv.headers import captured

_THEIRS = "opentelemetry.instrumentation.httpx"
"""Has transports that make spans, which an application may give to a client."""


def send(call: Call) -> SpanSpec | None:
    request = call.arg(0, "request")
    if _THEIRS in sys.modules and type(call.instance._transport_for_url(request.url)).__module__ == _THEIRS:
        return None
    headers = request.headers
    kept = _kept(headers)
    if kept is None:
        return http.client_request(request.method, _url(request.url), headers, headers.get("user-agent"))
    by_name = {name: value for _, name, value in kept}
    pairs = None if captured().client_request is None else headers.raw
    spec = http.client_request(request.method, _url(request.url), headers, by_name.get(b"user-agent"), pairs)
    spec.setter = _Setter(kept, set(by_name))
    return spec


def _kept(headers: Any) -> list[tuple[bytes, bytes, bytes]] | None:
    """What HTTPX keeps of headers today, each with its name in lower case as well; None where it is something else.

    It is read there: whoever asks for a header by its name settles the encoding of those that are still to be set.
    """
    kept = getattr(headers, "_list", None)
    if type(kept) is list and getattr(headers, "_encoding", None) in (None, "ascii", "utf-8"):
        return kept if all(len(header) == 3 for header in kept) else None
    return None


class _Setter(Setter[Any]):
    """Sets headers of one request. HTTPX looks through all of them for each that is set: twenty microseconds in all."""

    __slots__ = ("_kept", "_names")

    def __init__(self, kept: list[tuple[bytes, bytes, bytes]], names: set[bytes]) -> None:
        self._kept = kept
        self._names = names

    def set(self, carrier: Any, key: str, value: str) -> None:
        name = key.encode()
        lower = name.lower()
        if lower in self._names or not value.isascii() or carrier._list is not self._kept:
            carrier[key] = value
            return
        self._names.add(lower)
        self._kept.append((name, lower, value.encode()))


def _url(url: Any) -> str:
    """The URL that is asked for: without a fragment, and with a path."""
    text = str(url).partition("#")[0]
    return f"{text}/" if url.raw_path == b"/" and not text.endswith("/") else text


def sent(_call: Call, response: Any) -> Outcome:
    return http.client_response(response.status_code, response.reason_phrase, response.headers)


def refused(call: Call, error: Any) -> Outcome | None:
    """An answer that an event hook of the client raised (`raise_for_status`), and none to what the hook sent itself."""
    response = getattr(error, "response", None)
    if response is None or getattr(response, "_request", None) is not call.arg(0, "request"):
        return None
    outcome = http.client_response(response.status_code, response.reason_phrase, response.headers)
    outcome.error = error
    return outcome


class RequestInfo(NamedTuple):
    """What hooks are given of a request."""

    method: bytes
    url: Any
    headers: Any
    stream: Any
    extensions: Any


class ResponseInfo(NamedTuple):
    """What hooks are given of a response."""

    status_code: int
    headers: Any
    stream: Any
    extensions: Any


def _is_awaited(call: Call) -> bool:
    return inspect.iscoroutinefunction(type(call.instance).send)


def _request(call: Call) -> tuple[Any, ...]:
    request = call.arg(0, "request")
    extensions = getattr(request, "extensions", {})
    return (RequestInfo(request.method.encode(), request.url, request.headers, request.stream, extensions),)


def _response(call: Call, response: Any) -> tuple[Any, ...]:
    extensions = getattr(response, "extensions", {})
    return (*_request(call), ResponseInfo(response.status_code, response.headers, response.stream, extensions))


def _only(is_awaited: bool, values: Values) -> Values:
    return lambda call, *rest: values(call, *rest) if _is_awaited(call) is is_awaited else None


def _for_both(asked: Asked) -> Asked:
    """Hooks of one name are for clients of either kind, where the other name is not there."""
    others = {f"async_{name}": asked.get(name) for name in ("request_hook", "response_hook")}
    return {**{name: hook for name, hook in others.items() if hook is not None}, **asked}


# What is sent in answer to a redirect, or to prove who asks, has the headers of the first request and so its span.
SENT = traced(send, sent, suppressed_by=http.SUPPRESSED, explain=refused)
"""The hook for `send` of a client of either kind."""

OPTIONS = Options(
    client=http.CLIENT,
    hooks={
        "request_hook": when_started(_only(False, _request)),
        "response_hook": when_finished(_only(False, _response)),
        "async_request_hook": when_started(_only(True, _request)),
        "async_response_hook": when_finished(_only(True, _response)),
    },
    translate=_for_both,
)
"""What whoever instruments one of the libraries may ask for."""
