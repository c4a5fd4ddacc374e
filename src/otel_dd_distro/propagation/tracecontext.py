"""W3C traceparent and tracestate, with Datadog's `dd` member in the latter."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from opentelemetry.trace import SpanContext, TraceState
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from ..local_trace import datadog_context, member
from ..local_trace.datadog_context import NO_PARENT, DatadogContext
from ..local_trace.rates import inherited
from .headers import Headers
from .style import Found, Put, Style

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

_PARENT = re.compile("([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.+)?", re.DOTALL)

MAX_MEMBERS = 32
MAX_STATE_LENGTH = 8192
"""Of a received tracestate; the limit that opentelemetry-api names."""
MAX_FOREIGN_LENGTH = 512
"""Of other vendors' members together, which every span and every request of ours is to carry: as many as the
recommendation asks to pass on."""
LONG_MEMBER = 128
"""Where there are more, members longer than this go first (W3C trace context, 3.3.1.5)."""


class ReceivedState(TraceState):
    """A tracestate as it was received, all of its members kept.

    `TraceState` itself would check each member with regular expressions again and log those it throws away; other
    vendors' members are none of our business.
    """

    def __init__(self, members: dict[str, str]) -> None:
        super().__init__()
        self._dict = members
        self.odds = members.get("ot", "")
        self.foreign = ""
        if len(members) > 1 or "dd" not in members:
            others = [f"{key}={value}" for key, value in members.items() if key not in ("dd", "ot")]
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
        trace_id, span_id, flags = ids
        members = _members(",".join(headers.several(TRACESTATE)))
        datadog = partial(datadog_context.from_w3c, flags, members.get("dd", ""))
        state = ReceivedState(members) if members else None
        return Found(self.name, trace_id, span_id, datadog, state, is_random=bool(flags & 2))

    def write(self, span: SpanContext, datadog: DatadogContext, carrier: Any, put: Put) -> None:
        trace_id, span_id, is_remote, trace_flags, state, _ = span
        if span_id == NO_PARENT:
            return
        priority = datadog.priority
        kept = trace_flags.sampled if priority is None else priority > 0
        flags = "0" + "0123"[kept + 2 * datadog.is_random]
        written = f"{span_id:016x}"
        put(carrier, TRACEPARENT, f"00-{trace_id:032x}-{written}-{flags}")
        # A context that only passes through has no Datadog span of ours in it: the last one stays the one upstream.
        last = datadog.parent_id if is_remote else written
        ours = member.write(priority, datadog.origin, last, datadog.tags)
        foreign = odds = ""
        if state is not DEFAULT_TRACE_STATE and state:
            received = state if type(state) is ReceivedState else ReceivedState(_bounded(dict(state)))
            foreign = received.foreign
            odds = inherited(received.odds, trace_id, kept) if received.odds else ""
        if not odds and datadog.decision is not None:
            odds = datadog.decision.odds(trace_id, kept)
        if odds and foreign.count(",") < MAX_MEMBERS - 2:
            foreign = f"ot={odds},{foreign}" if foreign else f"ot={odds}"
        if ours:
            put(carrier, TRACESTATE, f"dd={ours},{foreign}" if foreign else "dd=" + ours)
        elif foreign:
            put(carrier, TRACESTATE, foreign)

    @property
    def fields(self) -> set[str]:
        return {TRACEPARENT, TRACESTATE}


def _parsed_parent(text: str) -> tuple[int, int, int] | None:
    """Trace id, span id, flags."""
    fields = _PARENT.fullmatch(text)
    if fields is None:
        return None
    version, trace_id, span_id, flags, more = fields.groups()
    # A version to come may have more fields; ours may not.
    if version == "ff" or (more and version == "00"):
        return None
    ids = int(trace_id, 16), int(span_id, 16), int(flags, 16)
    return ids if ids[0] and ids[1] else None


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
    return _bounded(members)


def _bounded(members: dict[str, str]) -> dict[str, str]:
    """The members of others cut to `MAX_FOREIGN_LENGTH`, whole members at a time."""
    if sum(map(len, members)) + sum(map(len, members.values())) <= MAX_FOREIGN_LENGTH - 2 * len(members):
        return members
    if len(members.get("dd", "")) > member.MAX_READ:
        members = {key: value for key, value in members.items() if key != "dd"}
    sizes = {key: len(key) + len(value) + 2 for key, value in members.items() if key != "dd"}
    left = MAX_FOREIGN_LENGTH + 1 - sum(sizes.values())
    from_the_end = list(reversed(sizes))
    long = [key for key in from_the_end if sizes[key] > LONG_MEMBER]
    bounded = dict(members)
    for key in long + [key for key in from_the_end if key not in long]:
        if left >= 0:
            break
        left += sizes[key]
        del bounded[key]
    return bounded
