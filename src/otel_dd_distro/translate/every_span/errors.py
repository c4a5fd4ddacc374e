"""Failures: which spans are errors, and their `error.*` tags."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from opentelemetry.sdk.trace import Event
from opentelemetry.trace import StatusCode

from . import text
from .attributes import Meta, as_text, decimal
from .stacks import without_ours

HAS_EXCEPTION = "_dd.span_events.has_exception"

_REASONS = {str(int(status)): status.phrase for status in HTTPStatus}
_STATUSES = {status: str(status) for status in range(100, 600)}


def status_text(status: Any) -> str:
    """An HTTP status as its tag holds it."""
    return _STATUSES.get(status) or decimal(status) if type(status) is int else as_text(status)


def exception(events: Sequence[Event]) -> Event | None:
    """The last `exception` event, the one that tells of the failure."""
    for event in reversed(events):
        if is_exception(event):
            return event
    return None


def is_exception(event: Event) -> bool:
    name = event.name
    return name == "exception" or (isinstance(name, str) and name.lower() == "exception")


def failed_call(status: StatusCode, attributes: dict[str, Any], raised: bool, statuses: frozenset[int]) -> bool:
    """Whether a call failed: its status says so."""
    return status is StatusCode.ERROR


def failed_request(status: StatusCode, attributes: dict[str, Any], raised: bool, statuses: frozenset[int]) -> bool:
    """Whether an HTTP request failed: `statuses` decide, for servers and clients alike.

    Beside them an exception that left the call does, and a status ERROR that somebody set on purpose; not the one that
    the instrumentation set for the response status (clients: 4xx and 5xx) or for what became a 5xx response.
    """
    code = attributes.get("http.response.status_code")
    is_number = isinstance(code, int)
    if is_number and code in statuses:
        return status is not StatusCode.OK
    if status is not StatusCode.ERROR:
        return False
    if code is None:
        return True
    if raised:
        return not (is_number and code >= 500)
    return attributes.get("error.type") != status_text(code)


def explain_call(meta: Meta, attributes: dict[str, Any], raised: Event | None, description: str | None) -> None:
    """Tag a failed call of our plugins as ddtrace tags it: builtin exceptions bear their module, too."""
    if raised is not None:
        _explain(meta, raised, "builtins.")
        return
    kind = attributes.get("error.type")
    if kind is None or kind == status_text(attributes.get("http.response.status_code")):
        return
    meta.setdefault("error.type", _with_module(as_text(kind), "builtins."))
    if description:
        meta.setdefault("error.message", text.value(description))


def explain_span(meta: Meta, raised: Event | None, description: str | None) -> None:
    """Tag any failed span: from its last exception, else its status, else its HTTP status; attributes go first."""
    if raised is not None:
        _explain(meta, raised, "")
    if "error.message" in meta:
        return
    if description:
        meta["error.message"] = text.value(description)
        return
    code = meta.get("http.status_code")
    if code in _REASONS:
        meta["error.message"] = f"{code} {_REASONS[code]}"


def _explain(meta: Meta, raised: Event, builtins: str) -> None:
    told: Any = raised.attributes or {}
    kind, message, stack = (told.get(f"exception.{what}") for what in ("type", "message", "stacktrace"))
    if kind is not None:
        meta.setdefault("error.type", _with_module(as_text(kind), builtins))
    if message is not None:
        meta.setdefault("error.message", as_text(message))
    if stack is not None:
        meta.setdefault("error.stack", text.ending(without_ours(stack if isinstance(stack, str) else str(stack))))


def _with_module(kind: str, builtins: str) -> str:
    return kind if "." in kind else builtins + kind
