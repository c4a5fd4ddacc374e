"""Trace context among the fields of log records, by which Datadog finds the logs of a trace.

The instrumentations of logging libraries find this propagator as `records` of the global one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from opentelemetry.context import Context
from opentelemetry.propagate import get_global_textmap
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import get_current_span

if TYPE_CHECKING:
    from .settings import Settings

TRACE_ID = "dd.trace_id"
SPAN_ID = "dd.span_id"
SERVICE = "dd.service"
ENV = "dd.env"
VERSION = "dd.version"

NOTHING = "0"
_LARGEST_64 = 2**64 - 1


class Fields(NamedTuple):
    """What the records of one span bear."""

    trace_id: int
    span_id: int
    fields: dict[str, str]


class RecordPropagator(TextMapPropagator):
    """Writes which span is current, and where: whose record it is; reads nothing.

    Source: ddtrace's log correlation. The ids are decimal, a trace id of more than 64 bits has 32 hex digits; outside
    of a span both are "0". All fields are always written, so that a format may name them.
    """

    def __init__(self, service: str, env: str, version: str) -> None:
        self._home = {SERVICE: service, ENV: env, VERSION: version}
        self._last = self._of(0, 0)

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        return Context() if context is None else context

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        current = get_current_span(context).get_span_context()
        last = self._last
        if last.span_id != current.span_id or last.trace_id != current.trace_id:
            last = self._last = self._of(current.trace_id, current.span_id)
        if setter is default_setter and type(carrier) is dict:
            cast("dict[str, str]", carrier).update(last.fields)
            return
        for name, value in last.fields.items():
            setter.set(carrier, name, value)

    def _of(self, trace_id: int, span_id: int) -> Fields:
        trace = str(trace_id) if trace_id <= _LARGEST_64 else f"{trace_id:032x}"
        return Fields(trace_id, span_id, {TRACE_ID: trace, SPAN_ID: str(span_id), **self._home})

    @property
    def fields(self) -> set[str]:
        return {TRACE_ID, SPAN_ID, *self._home}


def propagator(current: Settings) -> RecordPropagator | None:
    """What goes on log records as the settings say; None for nothing."""
    return RecordPropagator(current.service, current.env, current.version) if current.logs_injection else None


def ask(current: Settings) -> None:
    """Have log records bear their fields where tracing is off: a format that names them must not break there."""
    textmap: Any = get_global_textmap()
    textmap.records = propagator(current)
