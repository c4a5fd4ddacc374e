"""Spans of what goes on long after the span that started it has ended: they begin traces of their own.

A job that a request leaves behind (a mail, a clean-up) belongs to the request's trace. A poller that the first request
happened to start does not, hours later; nor does what a WebSocket is told, hours after its handshake.
"""

from __future__ import annotations

from opentelemetry.context import Context, create_key, set_value
from opentelemetry.trace.propagation import _SPAN_KEY

from .clock import clock

LONGEST_NS = 60_000_000_000
"""How long after the end of the span what it left behind still belongs to its trace."""

LEFT_BEHIND = create_key("otel_instrumentors.left_behind")
"""Set in the context of a thread, greenlet or connection that may live on when the span that started it has ended."""


def left_behind(context: Context) -> Context:
    """`context`, for a thread, greenlet or connection that is started in it."""
    return set_value(LEFT_BEHIND, True, context)


def is_outlived(context: Context) -> bool:
    """Whether the span that is current in a context that was left behind ended too long ago."""
    ended = getattr(context.get(_SPAN_KEY), "end_time", None)
    return ended is not None and clock.time_ns() - ended > LONGEST_NS
