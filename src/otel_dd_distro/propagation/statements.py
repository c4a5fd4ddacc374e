"""Trace context inside SQL statements, for Database Monitoring.

The instrumentations find this propagator as `statements` of the global one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span, get_current_span

from ..local_trace import datadog_context

DATABASE = "dddb"
DATABASE_SERVICE = "dddbs"
ENVIRONMENT = "dde"
HOST = "ddh"
PEER_SERVICE = "ddprs"
SERVICE = "ddps"
VERSION = "ddpv"
TRACEPARENT = "traceparent"

INJECTED = "_dd.dbm_trace_injected"

_DESCRIBED = ((DATABASE, ("db.name", "db.namespace")), (HOST, ("out.host", "server.address")))


class Caller(NamedTuple):
    """Who sends a statement: the names that the Agent knows both sides by. "" for what has no name."""

    service: str
    env: str
    version: str
    database_service: str
    """The service of the database's span."""


class StatementPropagator(TextMapPropagator):
    """Writes who sends a statement, and with `full` in which span; reads nothing.

    Source: the pairs of ddtrace's SQL comments. With `full` the trace is decided here, and its span is tagged: Database
    Monitoring looks for that tag. With `by_database` (where peer services are said by default) the database's name
    stands for its service.
    """

    def __init__(
        self, caller: Callable[[ReadableSpan], Caller], *, full: bool = False, by_database: bool = False
    ) -> None:
        self._caller = caller
        self._full = full
        self._by_database = by_database

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        return Context() if context is None else context

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        span = get_current_span(context)
        if not isinstance(span, ReadableSpan):
            # Not recorded: nobody will look for it.
            return
        caller = self._caller(span)
        for key, name in (
            (SERVICE, caller.service),
            (ENVIRONMENT, caller.env),
            (VERSION, caller.version),
            (DATABASE_SERVICE, caller.database_service),
        ):
            if name:
                setter.set(carrier, key, name)
        attributes = span.attributes or {}
        for key, sources in _DESCRIBED:
            value: Any = attributes.get(sources[0]) or attributes.get(sources[1])
            if value:
                setter.set(carrier, key, str(value))
                if key == DATABASE and self._by_database:
                    setter.set(carrier, DATABASE_SERVICE, str(value))
        if peer := attributes.get("peer.service"):
            setter.set(carrier, PEER_SERVICE, str(peer))
        if self._full:
            setter.set(carrier, TRACEPARENT, _traceparent(span, Context() if context is None else context))
            span.set_attribute(INJECTED, "true")

    @property
    def fields(self) -> set[str]:
        names = {DATABASE, DATABASE_SERVICE, ENVIRONMENT, HOST, PEER_SERVICE, SERVICE, VERSION}
        return names | {TRACEPARENT} if self._full else names


def _traceparent(span: Span, context: Context) -> str:
    datadog = datadog_context.resolve(context, span)
    ids = span.get_span_context()
    is_kept = datadog is not None and (datadog.priority or 0) > 0
    return f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{'01' if is_kept else '00'}"
