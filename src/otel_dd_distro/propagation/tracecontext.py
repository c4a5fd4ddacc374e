"""W3C traceparent and tracestate, with Datadog's `dd` member in the latter."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import SpanContext, TraceState

from ..local_trace import member
from ..local_trace.datadog_context import NO_PARENT, DatadogContext
from ..numbers import lower_hex
from .headers import Headers
from .style import Found, Put, Style

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

MAX_MEMBERS = 32
MAX_STATE_LENGTH = 8192
"""Of a received tracestate; the limit that opentelemetry-api names."""


class ReceivedState(TraceState):
    """A tracestate as it was received, all of its members kept.

    `TraceState` itself would check each member with regular expressions again and log those it throws away; other
    vendors' members are none of our business.
    """

    def __init__(self, members: dict[str, str]) -> None:
        super().__init__()
        self._dict = members
        self.foreign = ""
        if len(members) > 1 or "dd" not in members:
            others = [f"{key}={value}" for key, value in members.items() if key != "dd"]
            self.foreign = ",".join(others[: MAX_MEMBERS - 1])


class TraceContextPropagator(Style):
    """Reads and writes traceparent and tracestate."""

    name = "tracecontext"

    def find(self, headers: Headers) -> Found | None:
        parents = headers.several(TRACEPARENT)
        if len(parents) != 1:
            return None
        ids = _parsed_parent(parents[0].strip())
        if ids is None:
            return None
        trace_id, span_id, sampled = ids
        members = _members(",".join(headers.several(TRACESTATE)))
        if not members:
            return Found(self.name, trace_id, span_id, DatadogContext(int(sampled)))
        said = member.read(members.get("dd", ""))
        if said is None:
            datadog = DatadogContext(int(sampled))
        else:
            priority = member.settled(sampled, said.priority, said.origin, said.tags)
            datadog = DatadogContext(priority, said.origin, said.tags, said.parent_id)
        return Found(self.name, trace_id, span_id, datadog, ReceivedState(members))

    def write(self, span: SpanContext, datadog: DatadogContext, carrier: Any, put: Put) -> None:
        span_id = span.span_id
        if span_id == NO_PARENT:
            return
        priority = datadog.priority
        kept = span.trace_flags.sampled if priority is None else priority > 0
        put(carrier, TRACEPARENT, f"00-{span.trace_id:032x}-{span_id:016x}-{'01' if kept else '00'}")
        # A context that only passes through has no Datadog span of ours in it: the last one stays the one upstream.
        last = datadog.parent_id if span.is_remote else f"{span_id:016x}"
        ours = member.write(priority, datadog.origin, last, datadog.tags)
        state = span.trace_state
        if not state:
            foreign = ""
        elif type(state) is ReceivedState:
            foreign = state.foreign
        else:
            foreign = ReceivedState(dict(state)).foreign
        if datadog.decision is not None and "ot=" not in foreign and foreign.count(",") < MAX_MEMBERS - 2:
            odds = datadog.decision.odds(span.trace_id, kept)
            if odds:
                foreign = f"ot={odds},{foreign}" if foreign else f"ot={odds}"
        if ours:
            put(carrier, TRACESTATE, f"dd={ours},{foreign}" if foreign else "dd=" + ours)
        elif foreign:
            put(carrier, TRACESTATE, foreign)

    @property
    def fields(self) -> set[str]:
        return {TRACEPARENT, TRACESTATE}


def _parsed_parent(text: str) -> tuple[int, int, bool] | None:
    """Trace id, span id, sampled."""
    if len(text) < 55 or text[2] != "-" or text[35] != "-" or text[52] != "-":
        return None
    version = lower_hex(text[:2], 2)
    flags = lower_hex(text[53:55], 2)
    if version is None or version == 0xFF or flags is None:
        return None
    # A version to come may have more fields; ours may not.
    if len(text) > 55 and (version == 0 or text[55] != "-" or len(text) == 56):
        return None
    trace_id = lower_hex(text[3:35], 32)
    span_id = lower_hex(text[36:52], 16)
    if not trace_id or not span_id:
        return None
    return trace_id, span_id, bool(flags & 1)


def _members(text: str) -> dict[str, str]:
    """Members by key, at most 32, `dd` among them if it is there; none if the header holds what it may not."""
    if not text or len(text) > MAX_STATE_LENGTH:
        return {}
    members: dict[str, str] = {}
    for one in text.split(","):
        one = one.strip()
        key, equals, value = one.partition("=")
        if not one.isascii() or not one.isprintable():
            return {}
        if key and equals and key not in members and (len(members) < MAX_MEMBERS or key == "dd"):
            members[key] = value
    return members
