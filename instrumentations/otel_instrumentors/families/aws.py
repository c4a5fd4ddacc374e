"""Clients of the AWS API: a span for each call, its context in the headers of its requests and in its messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagate import inject
from opentelemetry.propagators.textmap import Setter

from ..kernel.around import around
from ..kernel.call import Arguments, Call, Outcome, SpanSpec
from ..kernel.current import get_current
from ..kernel.hook import Hook, Target
from ..kernel.hooks.traced import traced
from ..kernel.options import Options, when_finished, when_started
from ..kernel.recording import Recording
from ..kernel.scope import Scope
from ..semconv import aws, http
from . import aws_messages, aws_writes

_STANDARD = "standard"


def api_call() -> Hook:
    """A hook for a client's method `(operation_name, api_params)`, plain or a coroutine function."""
    return traced(called, prepare=told, hold=answered, explain=refused)


def signing() -> Hook:
    """A hook for the method `(operation_name, request, region_name, signing_type, ...)` that signs a request.

    It is plain or a coroutine function. The context goes into the headers before they are signed: services that are
    strict refuse what comes later. Whoever signs a URL for others to use signs no headers of ours.
    """
    return _Signing()


def called(call: Call) -> SpanSpec:
    prefix, operation, params = _asked(call)
    meta = call.instance.meta
    carrier: dict[str, str] | None = {} if aws_messages.bears_context(prefix, operation) else None
    return aws.api_call(prefix, str(meta.service_model.service_id), operation, meta.region_name, params, carrier)


def told(call: Call, _context: Context) -> Arguments | None:
    """The arguments with the context in the messages that are sent."""
    if call.carrier is None:
        return None
    prefix, operation, params = _asked(call)
    changed = aws_messages.with_context(prefix, operation, params, call.carrier)
    return None if changed is None else ((operation, changed), {})


def answered(call: Call, response: Any, recording: Recording) -> Any:
    """Links what was received to where it was sent."""
    if call.carrier is not None:
        for context in aws_messages.received(*_asked(call)[:2], response):
            recording.span.add_link(context)
    recording.finish(succeeded, call, response)
    return response if call.carrier is None else aws_messages.as_asked(*_asked(call), response)


def succeeded(call: Call, response: Any) -> Outcome | None:
    return aws.answered(response, aws_writes.written(*_asked(call), response))


def refused(_call: Call, error: Exception) -> Outcome:
    return aws.answered(getattr(error, "response", None), error=error)


def _asked(call: Call) -> tuple[str, str, Any]:
    """The service's prefix, the operation, and what it is called with."""
    prefix = call.instance.meta.service_model.endpoint_prefix
    return prefix, call.arg(0, "operation_name"), call.arg(1, "api_params")


def _operation(call: Call) -> tuple[Any, ...]:
    return call.instance.meta.service_model.service_name, call.arg(0, "operation_name")


def _call(call: Call) -> tuple[Any, ...]:
    return *_operation(call), call.arg(1, "api_params")


def _result(call: Call, response: Any) -> tuple[Any, ...]:
    return *_operation(call), response


OPTIONS = Options(hooks={"request_hook": when_started(_call), "response_hook": when_finished(_result)})
"""What whoever instruments a client of the AWS API may ask for."""


class _Signing:
    __slots__ = ()

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def signed(call: Call) -> None:
            # HTTP clients are silent while a call is made, and only then.
            if scope.injects and get_current().get(http.SUPPRESSED) and _is_for_itself(call):
                inject(call.arg(1, "request").headers, setter=_headers)

        return around(target, scope, before=signed)


def _is_for_itself(call: Call) -> bool:
    return bool(call.arg(3, "signing_type", _STANDARD) == _STANDARD)


class _Headers(Setter[Any]):
    """Headers of botocore: setting one that is there makes a second of it."""

    def set(self, carrier: Any, key: str, value: str) -> None:
        if key not in carrier:
            carrier[key] = value


_headers = _Headers()
