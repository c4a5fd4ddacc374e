"""What Datadog services tell each other about a trace, beside its ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.trace import Link, Span, get_current_span
from opentelemetry.trace.propagation import _SPAN_KEY

from . import member

if TYPE_CHECKING:
    from .decision import Decision

NO_PARENT = 2**64 - 1
"""The parent span id of a remote context that has none (`x-datadog-parent-id: 0`, as Synthetics sends it).

The SDK would start a new trace under a parent whose span id is 0. So the parent gets this id; a Datadog span whose
parent is NO_PARENT is a root, its parent id is 0.
"""


@dataclass(slots=True)
class DatadogContext:
    """The trace-level state of one local trace: extracted from a carrier, or empty for a trace that starts here.

    `priority` is -1, 0, 1 or 2; None while nobody has decided. `tags` holds the `_dd.p.*` pairs under their full keys,
    the decision maker `_dd.p.dm` among them, the upper half of the trace id (`_dd.p.tid`) not: it is read from the id.
    """

    priority: int | None = None
    origin: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    parent_id: str = ""
    """The last Datadog span upstream, 16 hex digits as received (`p` of the W3C `dd=` member)."""
    error: str = ""
    """Why propagated tags could not be read or written: the tag `_dd.propagation_error`."""
    baggage_tags: dict[str, str] = field(default_factory=dict)
    """Tags of the local root that come from baggage, under their full keys: `baggage.user.id`."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What the sampling decision puts on the local root, such as `_dd.agent_psr`."""
    decision: Decision | None = field(default=None, compare=False)
    """How the priority came about in this process; None where it came from a carrier, or is still to come."""
    is_random: bool = field(default=False, compare=False)
    """Whether who made the trace id says that it is random: the second flag of the traceparent, which is passed on."""
    is_told: bool = field(default=False, compare=False)
    """Whether others were told the priority."""


_CONTEXT = create_key("datadog-context")
_LINKS = create_key("datadog-links")


def attach_to(context: Context, datadog: DatadogContext) -> Context:
    """`context`, in which `datadog` belongs to the trace of the current span, or to the next one to start if none."""
    return set_value(_CONTEXT, (_trace_id(context), datadog), context)


def attach_remote(context: Context, span: Span, datadog: DatadogContext) -> Context:
    """`context`, in which `span` is current and `datadog` belongs to its trace; both are put there at once."""
    return Context({**context, _SPAN_KEY: span, _CONTEXT: (span.get_span_context().trace_id, datadog)})


def of(context: Context) -> DatadogContext | None:
    """What was attached to `context` for the trace of its current span; None once another trace is current there."""
    attached = get_value(_CONTEXT, context)
    if not isinstance(attached, tuple) or attached[0] != _trace_id(context):
        return None
    datadog: DatadogContext = attached[1]
    return datadog


def attach_links(context: Context, links: Sequence[Link]) -> Context:
    """`context`, in which the next local root is to get these links: traces that were found but not continued."""
    return set_value(_LINKS, tuple(links), context)


def links_of(context: Context) -> tuple[Link, ...]:
    links = get_value(_LINKS, context)
    return links if isinstance(links, tuple) else ()


def _trace_id(context: Context) -> int:
    return get_current_span(context).get_span_context().trace_id


def from_context(context: Context, span: Span) -> DatadogContext | None:
    """What was extracted; else what the trace flags and the `dd` member of the span's trace state say."""
    attached = get_value(_CONTEXT, context)
    span_context = span.get_span_context()
    if isinstance(attached, tuple) and attached[0] == span_context.trace_id:
        datadog: DatadogContext = attached[1]
        return datadog
    flags = span_context.trace_flags
    return from_w3c(flags, span_context.trace_state.get("dd", ""))


def from_w3c(flags: int, said_by_us: str) -> DatadogContext:
    """What the flags of a traceparent and the `dd` member of a tracestate ("" if there is none) say together."""
    sampled, is_random = bool(flags & 1), bool(flags & 2)
    said = member.read(said_by_us)
    if said is None:
        return DatadogContext(int(sampled), is_random=is_random)
    priority = member.settled(sampled, said.priority, said.origin, said.tags)
    return DatadogContext(priority, said.origin, said.tags, said.parent_id, is_random=is_random)


Resolver = Callable[[Context, Span], "DatadogContext | None"]

resolve: Resolver = from_context
"""Asked by every injection for the Datadog context of the span that is injected, its priority decided.

Whoever gathers local spans assigns their own here.
"""
