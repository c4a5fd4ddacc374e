"""Clients of the AWS API: a span for each call, its context in the headers of its requests and in its messages."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.context import create_key, get_current, set_value

from ..kernel import safety
from ..kernel.call import Arguments, Call, Outcome, SpanSpec
from ..kernel.given import given
from ..kernel.hook import Hook, Target, standing_for
from ..kernel.recording import Recording
from ..kernel.scope import Scope
from ..semconv import aws
from . import aws_messages, aws_writes

_PAIRS = create_key("otel_instrumentors.aws.pairs")
"""The context key of what the requests of a call are to bear."""
_STANDARD = "standard"


def api_call() -> Hook:
    """A hook for a client's method `(operation_name, api_params)`, plain or a coroutine function."""
    return _ApiCall()


def signing() -> Hook:
    """A hook for the method `(operation_name, request, region_name, signing_type, ...)` that signs a request.

    The context goes into the headers before they are signed: services that are strict refuse what comes later. Whoever
    signs a URL for others to use signs no headers of ours.
    """
    return given(_with_headers)


class _ApiCall:
    """As `traced` does it; and what an error tells of the response is on the span, too."""

    __slots__ = ()

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return function(*args, **kwargs)
            call = target.call(args, kwargs)
            recording = _opened(scope, call)
            if recording is None:
                return function(*args, **kwargs)
            args, kwargs = _prepared(scope, call, target, args, kwargs)
            recording.enter()
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                recording.learn(refused, call, error)
                recording.fail(error)
                raise
            _linked(recording, scope, call, result)
            recording.finish(answered, call, result)
            return result

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            if not scope.active:
                return await function(*args, **kwargs)
            call = target.call(args, kwargs)
            recording = _opened(scope, call)
            if recording is None:
                return await function(*args, **kwargs)
            args, kwargs = _prepared(scope, call, target, args, kwargs)
            recording.enter()
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                recording.abandon()
                recording.learn(refused, call, error)
                recording.fail(error)
                raise
            _linked(recording, scope, call, result)
            recording.finish(answered, call, result)
            return result

        return standing_for(function, coroutine if inspect.iscoroutinefunction(function) else wrapper)


def called(call: Call) -> SpanSpec:
    meta = call.instance.meta
    model = meta.service_model
    operation, params = _asked(call)
    return aws.api_call(model.endpoint_prefix, str(model.service_id), operation, meta.region_name, params, {})


def answered(call: Call, response: Any) -> Outcome | None:
    operation, params = _asked(call)
    return aws.answered(response, aws_writes.written(_prefix(call), operation, params, response))


def refused(_call: Call, error: BaseException) -> Outcome | None:
    return aws.answered(getattr(error, "response", None))


def _asked(call: Call) -> tuple[str, Any]:
    return call.arg(0, "operation_name"), call.arg(1, "api_params")


def _prefix(call: Call) -> str:
    return str(call.instance.meta.service_model.endpoint_prefix)


def _opened(scope: Scope, call: Call) -> Recording | None:
    recording = scope.open(called, call)
    if recording is not None and call.carrier:
        recording.context = set_value(_PAIRS, call.carrier, recording.context)
    return recording


def _prepared(scope: Scope, call: Call, target: Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """The arguments with the context in the messages that are sent."""
    if call.carrier is None or not scope.propagates:
        return args, kwargs
    try:
        operation, params = _asked(call)
        changed = aws_messages.with_context(_prefix(call), operation, params, call.carrier)
    except Exception as error:  # noqa: BLE001
        safety.report(f"passing context on in {safety.place(target.function)}", error)
        return args, kwargs
    return (args, kwargs) if changed is None else target.arguments(args, ((operation, changed), {}))


def _with_headers(call: Call) -> None:
    """Adds to the headers of the request that is about to be signed, made for this one attempt."""
    pairs = get_current().get(_PAIRS)
    if not isinstance(pairs, Mapping) or call.arg(3, "signing_type", _STANDARD) != _STANDARD:
        return
    headers = call.arg(1, "request").headers
    for name, value in pairs.items():
        # Setting one that is there makes a second of it.
        if name not in headers:
            headers[name] = value


def _linked(recording: Recording, scope: Scope, call: Call, response: Any) -> None:
    """Links what was received to where it was sent."""
    if not scope.propagates:
        return
    try:
        for context in aws_messages.received(_prefix(call), _asked(call)[0], response):
            recording.span.add_link(context)
    except Exception as error:  # noqa: BLE001
        safety.report("linking received messages", error)
