"""gRPC: a span for each call, of the four kinds, on both sides, synchronous and asynchronous."""

from __future__ import annotations

import contextvars
import copy
import functools
import gc
import logging
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from .families import grpc_interceptors
from .families.grpc_filters import CallDetails
from .kernel import numbers
from .kernel.call import Arguments, Call, Incoming, Outcome, SpanSpec
from .kernel.hook import Hook, Target
from .kernel.hooks.change_arguments import change_arguments
from .kernel.hooks.change_result import change_result
from .kernel.hooks.streamed_result import streamed_result
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options, when_finished, when_started, when_wanted
from .kernel.recording import Recording
from .kernel.scope import Scope
from .semconv import rpc

Attributes = dict[str, AttributeValue]
Describe = Callable[[Call], SpanSpec]

API = "grpc.api"
"""Whose call it is: that of `grpc` or that of `grpc.aio`."""
KIND = "grpc.method.kind"
DETAILS = "grpc.status.details"
ABORTED = "grpc.aborted"
"""True where a handler left its call with a status that it had set: `context.abort()`."""

_METADATA = 2
"""The position of `metadata` among the arguments of all calls of a client."""
_KINDS = {
    (False, False): ("unary_unary", "unary"),
    (False, True): ("unary_stream", "server_streaming"),
    (True, False): ("stream_unary", "client_streaming"),
    (True, True): ("stream_stream", "bidi_streaming"),
}
_SCHEMES = ("dns", "ipv4", "ipv6", "unix", "unix-abstract", "vsock")

_targets: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""What asynchronous channels connect to: most releases keep that where Python does not see it."""

_logger = logging.getLogger("otel_instrumentors")


# Clients


def calling(api: str, kind: str, target: Callable[[Any], Any]) -> Describe:
    def calling(call: Call) -> SpanSpec:
        sender = call.instance
        name, attributes = _described(api, kind, sender._method, target(sender))
        return SpanSpec(name, SpanKind.CLIENT, attributes.copy(), carrier={})

    return calling


@functools.lru_cache(1_024)
def _described(api: str, kind: str, method: Any, target: Any) -> tuple[str, Attributes]:
    attributes = rpc.server(*address(_text(target))) if target else {}
    return rpc.call("grpc", _text(method), {**attributes, API: api, KIND: kind})


def address(target: str) -> tuple[str | None, int | None]:
    """Host and port of a target, the first where it has several; the path of a socket (gRPC name resolution)."""
    scheme, _, rest = target.partition(":")
    if rest.startswith("//"):
        path = rest[2:].partition("/")[2]
        target = f"/{path}" if scheme == "unix" else path
    elif scheme in _SCHEMES:
        target = rest
    if scheme.startswith("unix"):
        return target, None
    host, _, port = target.partition(",")[0].rpartition(":")
    if not host or not port.isdecimal() or (":" in host and not host.startswith("[")):
        return target.strip("[]") or None, None
    return host.strip("[]"), numbers.port(port)


def channels_target(sender: Any) -> Any:
    return sender._channel.target()


def noted_target(sender: Any) -> Any:
    return _targets.get(sender._references[0]) or getattr(sender._channel, "target", None)


def opened(call: Call, result: Any) -> Any:
    _targets[call.instance] = call.arg(0, "target")
    return result


def with_context(call: Call, _context: Context) -> Arguments | None:
    return _with_headers(call, tuple)


def aio_with_context(call: Call, _context: Context) -> Arguments | None:
    # What an interceptor finds where the application gave none.
    return _with_headers(call, sys.modules["grpc.aio"].Metadata.from_tuple)


def _with_headers(call: Call, made_of: Callable[[Any], Any]) -> Arguments | None:
    """The application's metadata in its own type, and after it our headers."""
    if not call.carrier:
        return None
    metadata = call.arg(_METADATA, "metadata")
    pairs = (*(metadata or ()), *((name.lower(), value) for name, value in call.carrier.items()))
    whole = made_of(pairs) if metadata is None else getattr(type(metadata), "from_tuple", tuple)(pairs)
    if len(call.args) > _METADATA:
        return (*call.args[:_METADATA], whole, *call.args[_METADATA + 1 :]), call.kwargs
    return call.args, {**call.kwargs, "metadata": whole}


def ended(code: Any, details: Any) -> Outcome:
    status = rpc.status(code)
    return rpc.called(status, {} if status == rpc.OK else _detailed(details))


def answered(_call: Call, result: tuple[Any, Any]) -> Outcome:
    state, _ = result
    return ended(state.code, state.details)


def refused(_call: Call, error: Exception) -> Outcome | None:
    """A call that never went out: what cannot be serialized."""
    code = getattr(error, "code", None)
    return ended(code(), error.details()) if code is not None else None  # type: ignore[attr-defined]


def _over(recording: Recording, code: Any, details: Any) -> None:
    recording.learn(ended, code, details)
    recording.end()


# A call is cancelled when the application drops it. So what waits for its end must not keep it, as the callbacks of
# its public interface do: they hold the call, and gRPC holds them.


def pending(_call: Call, started: Any, recording: Recording) -> Any:
    state = started._state
    over = functools.partial(_state_over, recording, state)
    with state.condition:
        is_open = state.code is None
        if is_open:
            state.callbacks.append(over)
    if not is_open:
        over()
    return started


def pending_in_one_thread(call: Call, started: Any, recording: Recording) -> Any:
    """Nobody reads events of such a call but its reader: it may have gone."""
    weakref.finalize(started, _forgotten, recording, started._state).atexit = False
    return pending(call, started, recording)


def _forgotten(recording: Recording, state: Any) -> None:
    # Apart, as `Recording.end_apart` does it.
    contextvars.Context().run(_state_over, recording, state)


def _state_over(recording: Recording, state: Any) -> None:
    _over(recording, state.code, state.details)


def awaited(_call: Call, started: Any, recording: Recording) -> Any:
    task = getattr(started, "_interceptors_task", None)
    if task is None:
        _when_over(started._cython_call, recording)
    else:
        task.add_done_callback(functools.partial(_intercepted, recording))
    return started


def _intercepted(recording: Recording, task: Any) -> None:
    """The application's interceptors have made the call, or answered in its place."""
    if task.cancelled():
        _over(recording, "CANCELLED", "")
        return
    # Asking for the exception by `exception()` would keep asyncio from telling of one that nobody retrieves.
    error = task._exception
    if error is not None:
        recording.fail(error, refused)
        return
    made = getattr(task.result(), "_cython_call", None)
    if made is None:
        _over(recording, rpc.OK, "")
    else:
        _when_over(made, recording)


def _when_over(made: Any, recording: Recording) -> None:
    held = [made]

    def over() -> None:
        status = held.pop()._status
        _over(recording, status.code(), status.details())

    made.add_done_callback(over)


def client(kind: str, hold: Any = None) -> Hook:
    describe = calling("grpc", kind, channels_target)
    return traced(describe, answered, prepare=with_context, hold=hold, explain=refused)


def aio_client(kind: str) -> Hook:
    return traced(calling("grpc.aio", kind, noted_target), prepare=aio_with_context, hold=awaited, explain=refused)


# Servers


class _Metadata(Getter[dict[str, Any]]):
    """The metadata of a call; the last of two of the same name is the nearest caller's."""

    def get(self, carrier: dict[str, Any], key: str) -> list[str] | None:
        value = carrier.get(key.lower())
        return [value] if isinstance(value, str) else None

    def keys(self, carrier: dict[str, Any]) -> list[str]:
        return list(carrier)


_metadata = _Metadata()


def incoming(call: Call) -> Incoming:
    return Incoming(dict(call.args[1].invocation_metadata() or ()), _metadata)


def serving(api: str, method: str, kind: str) -> Describe:
    def serving(_call: Call) -> SpanSpec:
        name, attributes = rpc.call("grpc", method, {API: api, KIND: kind})
        return SpanSpec(name, SpanKind.SERVER, attributes)

    return serving


def served(call: Call, _result: Any) -> Outcome:
    code, details = _status(call)
    status = rpc.status(code)
    return rpc.served(status, {} if status == rpc.OK else _detailed(details))


def aborted(call: Call, error: Exception) -> Outcome:
    """An exception is the status that the handler set, by `abort` too, else an unknown one."""
    code, details = _status(call)
    if code is None or rpc.status(code) == rpc.OK:
        # What comes out of the iterator of requests when the client has gone; errors of other calls have a class below.
        gone = type(error) is sys.modules["grpc"].RpcError
        outcome = rpc.served("CANCELLED" if gone else "UNKNOWN", {})
        outcome.error = None if gone else error
        return outcome
    return rpc.served(rpc.status(code), {ABORTED: True, **_detailed(details)})


def _status(call: Call) -> tuple[Any, Any]:
    """Code and details as the handler set them; a synchronous handler of an asynchronous server cannot tell."""
    context = call.args[1]
    return (context.code(), context.details()) if hasattr(context, "code") else (None, None)


def _detailed(details: Any) -> Attributes:
    return {DETAILS: _text(details)} if details else {}


def _text(value: Any) -> str:
    """Core keeps its texts as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _watched(handler: Any, api: str, method: str, scope: Scope) -> Any:
    """A handler like the one given, its behaviour traced."""
    if handler is None:
        return None
    name, kind = _KINDS[bool(handler.request_streaming), bool(handler.response_streaming)]
    behavior = getattr(handler, name)
    hook = traced(
        serving(api, method, kind),
        served,
        incoming=incoming,
        hold=streamed_result(served, aborted) if handler.response_streaming else None,
        explain=aborted,
    )
    watched = hook.wrap(Target(behavior, None, is_method=False), scope)
    if hasattr(handler, "_replace"):
        return handler._replace(**{name: watched})
    twin = copy.copy(handler)
    setattr(twin, name, watched)
    return twin


class _Interceptor:
    """One that traces what a server serves: the server needs no other."""


class _Found(Hook):
    """What a server found to serve a call with, after the application's interceptors: also of servers made before."""

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def found(call: Call, handler: Any) -> Any:
            if any(isinstance(each, _Interceptor) for each in getattr(call.args[-1], "interceptors", ())):
                return handler
            method = call.args[0].call_details.method
            return _watched(handler, "grpc", _text(method or call.args[2].name()), scope)

        return change_result(found).wrap(target, scope)


class _Intercepting(Hook):
    """Asynchronous servers find handlers where Python does not see it, but ask interceptors: ours is the first."""

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        if any(_made_before(target.owner)):
            _logger.warning("Servers of grpc.aio that were made before they could be instrumented are not traced")
        interceptor = _aio_interceptor(scope)

        def with_ours(call: Call) -> Arguments:
            theirs = tuple(call.arg(2, "interceptors") or ())
            every = theirs if any(isinstance(each, _Interceptor) for each in theirs) else (interceptor, *theirs)
            if len(call.args) > 2:
                return (*call.args[:2], every, *call.args[3:]), call.kwargs
            return call.args, {**call.kwargs, "interceptors": every}

        return change_arguments(with_ours).wrap(target, scope)


def _made_before(server: type) -> Iterator[bool]:
    # While grpc.aio is being imported there is none.
    if hasattr(sys.modules["grpc.aio"], "server"):
        yield from (type(found) is server for found in gc.get_referrers(server))


def _interceptor(scope: Scope) -> Any:
    def intercept_service(_self: Any, continuation: Any, details: Any) -> Any:
        return continuation(details)

    def found(call: Call, handler: Any) -> Any:
        return _watched(handler, "grpc", call.args[1].method, scope)

    base: Any = import_module("grpc").ServerInterceptor
    hooked = change_result(found).wrap(Target(intercept_service, base, is_method=True), scope)
    return type("Interceptor", (_Interceptor, base), {"intercept_service": hooked})()


def _aio_interceptor(scope: Scope) -> Any:
    async def intercept_service(_self: Any, continuation: Any, details: Any) -> Any:
        return await continuation(details)

    def found(call: Call, handler: Any) -> Any:
        return _watched(handler, "grpc.aio", call.args[1].method, scope)

    base: Any = import_module("grpc.aio._interceptor").ServerInterceptor
    hooked = change_result(found).wrap(Target(intercept_service, base, is_method=True), scope)
    return type("Interceptor", (_Interceptor, base), {"intercept_service": hooked})()


def _message(call: Call) -> tuple[Any, ...]:
    return call.args[:1] or (call.kwargs.get("request"),)


def _reply(_call: Call, result: Any) -> tuple[Any, ...]:
    return (result[0].response,)


def _details(call: Call, attributes: Mapping[str, AttributeValue]) -> tuple[Any, ...]:
    method = f"/{attributes[rpc.RPC_METHOD]!s}"
    if call.instance is None:
        metadata = call.args[1].invocation_metadata()
        return (CallDetails(method, method, None, metadata, metadata),)
    metadata = call.arg(_METADATA, "metadata")
    return (CallDetails(method, method, call.arg(1, "timeout"), metadata, metadata),)


class GrpcInstrumentor(Instrumentor):
    options = Options(
        server=rpc.CALL,
        client=rpc.CALL,
        hooks={
            "filter_": when_wanted(_details),
            "request_hook": when_started(_message, SpanKind.CLIENT),
            "response_hook": when_finished(_reply, SpanKind.CLIENT),
        },
        owners=grpc_interceptors.owners,
    )

    hooks = {
        # Below the application's interceptors, and where the calls of channels that were made before come by, too.
        "grpc._channel": {
            "_UnaryUnaryMultiCallable._blocking": client("unary"),
            "_UnaryUnaryMultiCallable.future": client("unary", pending),
            "_UnaryStreamMultiCallable.__call__": client("server_streaming", pending),
            "_SingleThreadedUnaryStreamMultiCallable.__call__": client("server_streaming", pending_in_one_thread),
            "_StreamUnaryMultiCallable._blocking": client("client_streaming"),
            "_StreamUnaryMultiCallable.future": client("client_streaming", pending),
            "_StreamStreamMultiCallable.__call__": client("bidi_streaming", pending),
        },
        "grpc._server": {"_find_method_handler": _Found()},
        # Around them: they are part of the call, which is one span however often one of them tries it.
        "grpc.aio._channel": {
            "Channel.__init__": change_result(opened),
            "UnaryUnaryMultiCallable.__call__": aio_client("unary"),
            "UnaryStreamMultiCallable.__call__": aio_client("server_streaming"),
            "StreamUnaryMultiCallable.__call__": aio_client("client_streaming"),
            "StreamStreamMultiCallable.__call__": aio_client("bidi_streaming"),
        },
        "grpc.aio._server": {"Server.__init__": _Intercepting()},
    }


def client_interceptor(**options: Any) -> Any:
    """An interceptor for one channel: `grpc.intercept_channel(channel, ...)`; options as for `instrument()`."""
    made = grpc_interceptors.client()
    GrpcInstrumentor()._instrument_object(made, options)
    return made


def aio_client_interceptors(**options: Any) -> list[Any]:
    """Interceptors for one channel: `aio.insecure_channel(..., interceptors=...)`; options as for `instrument()`."""
    made = grpc_interceptors.aio_clients()
    for each in made:
        GrpcInstrumentor()._instrument_object(each, options)
    return made


def server_interceptor(**options: Any) -> Any:
    """An interceptor for one server: `grpc.server(..., interceptors=[...])`; options as for `instrument()`."""
    return _interceptor(GrpcInstrumentor()._scopes(options)("grpc._server"))


def aio_server_interceptor(**options: Any) -> Any:
    """An interceptor for one server: `grpc.aio.server(interceptors=[...])`; options as for `instrument()`."""
    return _aio_interceptor(GrpcInstrumentor()._scopes(options)("grpc.aio._server"))
