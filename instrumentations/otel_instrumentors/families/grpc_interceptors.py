"""gRPC's interceptors, for single channels and servers that are traced alone."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from opentelemetry.context import create_key, set_value

from ..kernel.call import Call
from ..kernel.current import attach, detach, get_current

_PASSED = create_key("otel_instrumentors.grpc.interceptor")
"""The context key of the interceptor that a synchronous call has passed."""

_KINDS = {
    "UnaryUnaryClientInterceptor": "intercept_unary_unary",
    "UnaryStreamClientInterceptor": "intercept_unary_stream",
    "StreamUnaryClientInterceptor": "intercept_stream_unary",
    "StreamStreamClientInterceptor": "intercept_stream_stream",
}


def owners(call: Call) -> tuple[Any, ...]:
    """The interceptors of a client's call: asynchronous calls know theirs."""
    passed = get_current().get(_PASSED)
    return (passed, *(getattr(call.instance, "_interceptors", None) or ()))


def client() -> Any:
    """An interceptor for `grpc.intercept_channel` that changes nothing, and makes the calls of the channel known."""
    grpc: Any = import_module("grpc")
    bases = tuple(getattr(grpc, kind) for kind in _KINDS)
    return type("Interceptor", bases, dict.fromkeys(_KINDS.values(), _passed))()


def aio_clients() -> list[Any]:
    """The same for `interceptors` of a channel of `grpc.aio`, which takes one for each kind of call."""
    aio: Any = import_module("grpc.aio")
    return [type("Interceptor", (getattr(aio, kind),), {name: _aio_passed})() for kind, name in _KINDS.items()]


def _passed(interceptor: Any, continuation: Any, details: Any, request: Any) -> Any:
    token = attach(set_value(_PASSED, interceptor, get_current()))
    try:
        return continuation(details, request)
    finally:
        detach(token)


async def _aio_passed(_interceptor: Any, continuation: Any, details: Any, request: Any) -> Any:
    return await continuation(details, request)
