"""The local traces that are under way in this process.

A local trace is a span without a local parent, and its descendants. It is found by a span's parent; while spans of it
are open it is held here, and nothing is held of it after. A light span says itself where it is gathered
(`local_trace`, None when it is not open); the spans of the plain SDK are found by their ids.

No locks: spans start and end in many threads, but each step is one operation on a dict or deque, in an order that lets
none of them lose or double a span. An ending span is first appended and then no longer open, so whoever finds a trace
without open spans finds all that ended; what two threads find at once, each span is taken by one of them.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.trace import NonRecordingSpan, get_current_span

from .. import forks
from ..clock import clock
from ..local_trace import datadog_context
from ..local_trace.chunk import Chunk
from ..local_trace.datadog_context import DatadogContext
from ..local_trace.registry import MOST_OPEN_SPANS, LocalTrace

if TYPE_CHECKING:
    from opentelemetry.trace import Span as ApiSpan

    from ..local_trace.registry import LightSpan


log = logging.getLogger("otel_dd_distro")

UNFINISHED = "otel_dd.unfinished"
"""The attribute of a span that was sent because the process ended before it did."""
_MOST_NAMES = 20
_LONGEST_NAME = 100


class LocalTraces:
    """All local traces under way.

    `hand_on` receives a chunk when a local trace is complete, or when `part` spans of it have ended (0: never before
    it is complete). `begins` is called when the first of this process begins: from then on there is something to lose.
    """

    def __init__(
        self, hand_on: Callable[[Chunk], None], *, part: int = 300, begins: Callable[[], object] | None = None
    ) -> None:
        self._hand_on = hand_on
        self._begins = begins
        self._has_begun = begins is None
        self.part = part or sys.maxsize
        self._begun: dict[LocalTrace, None] = {}
        """In the order in which they began, those that began with a light span."""
        self._open: dict[int, LocalTrace] = {}
        """By the ids of their open spans of the plain SDK."""
        self._inherited: dict[int, LocalTrace] = {}
        """By the ids of open spans whose end is told elsewhere: by the process that forked, or already."""
        forks.on_fork(self._after_fork)

    def start(self, span: Span, parent_context: Context | None) -> None:
        """Put a span that started into its parent's local trace, or into a new one."""
        parent = span.parent
        trace = None
        context = get_current() if parent_context is None else parent_context
        if parent is not None and not parent.is_remote:
            parent_id = parent.span_id
            trace = self._open.get(parent_id) or self._of_light(get_current_span(context))
            if trace is None and self._inherited:
                trace = self._inherited.get(parent_id)
        if trace is None:
            forks.check()
            if not self._has_begun:
                self._begin()
            trace = self._new_trace(span, context)
        span_id = span.context.span_id
        trace.open[span_id] = span
        if hasattr(span, "local_trace"):
            span.local_trace = trace
            self._begun[trace] = None
        else:
            self._open[span_id] = trace
            if len(self._open) > MOST_OPEN_SPANS:
                self._forget_oldest()

    def begin_own(self, span: LightSpan, context: Context) -> None:
        """Put a light span without a parent into a local trace of its own."""
        if not self._has_begun:
            self._begin()
        # The most frequent context of all is empty, and says nothing.
        trace = self._new_trace(span, context) if context else LocalTrace(self, DatadogContext(), span)
        span.local_trace = trace
        trace.open[span.span_id] = span
        self._begun[trace] = None
        if len(self._begun) > MOST_OPEN_SPANS:
            self._forget_oldest_trace()

    def _begin(self) -> None:
        self._has_begun = True
        if self._begins is not None:
            self._begins()

    def end(self, span: ReadableSpan) -> None:
        """Take a span that ended, and hand its local trace on when it is due."""
        span_id = span.context.span_id
        trace = self._open.pop(span_id, None) or getattr(span, "local_trace", None)
        if trace is None or trace.traces is not self:
            self.end_unknown(span)
            return
        begun = trace.open.get(span_id)
        if begun is None:
            self.end_unknown(span)
            return
        trace.finished.append(span)
        trace.open.pop(span_id, None)
        if hasattr(begun, "local_trace"):
            begun.local_trace = None
        if not trace.open:
            self.complete(trace)
        elif len(trace.finished) >= trace.part:
            self.hand_on_part(trace)

    def complete(self, trace: LocalTrace) -> None:
        """Hand on the last of a trace that has no open spans."""
        self._begun.pop(trace, None)
        self._hand_on_finished(trace, partial=False)

    def hand_on_part(self, trace: LocalTrace) -> None:
        self._hand_on_finished(trace, partial=True)

    def of(self, span: ApiSpan) -> LocalTrace | None:
        """The local trace that an open span belongs to."""
        span_id = span.get_span_context().span_id
        return self._of_light(span) or self._open.get(span_id) or self._inherited.get(span_id)

    def hand_on_all(self) -> None:
        """Hand on what has ended of the local traces that are still under way."""
        forks.check()
        for trace in self._under_way():
            self._hand_on_finished(trace, partial=True)

    def hand_on_unfinished(self) -> None:
        """At the very end: hand on what is still open as well, as it is now, rather than its traces without it."""
        forks.check()
        now = clock.time_ns()
        never_ended: Counter[str] = Counter()
        for trace in self._under_way():
            for span_id, span in tuple(trace.open.items()):
                told = _unfinished(span, now)
                self._inherited[span_id] = trace
                # On one line, which a signal cannot divide: it is neither lost nor told twice.
                trace.finished.extend([] if trace.open.pop(span_id, None) is None else [told])
                never_ended[span.name] += 1
            self.complete(trace)
        self._open.clear()
        if never_ended:
            _name_once(never_ended)

    def _under_way(self) -> dict[LocalTrace, None]:
        """Also those that a fork brought here: they are complete whenever none of their new spans is open."""
        of_ids = (*self._open.values(), *self._inherited.values())
        return {**self._begun, **dict.fromkeys(of_ids)}

    def _of_light(self, span: ApiSpan) -> LocalTrace | None:
        trace: LocalTrace | None = getattr(span, "local_trace", None)
        return trace if trace is not None and trace.traces is self else None

    def _new_trace(self, span: Span, context: Context) -> LocalTrace:
        for link in datadog_context.links_of(context):
            span.add_link(link.context, link.attributes)
        return LocalTrace(self, _begun(span, context), span)

    def _hand_on_finished(self, trace: LocalTrace, partial: bool) -> None:
        finished, spans = trace.finished, []
        trace.looked_at = 0
        try:
            while finished:
                spans.append(finished.popleft())
        except IndexError:
            pass  # another thread took the last one
        if spans:
            self._hand_on(Chunk(spans, trace.context, partial, trace.parents, trace.root))

    def end_unknown(self, span: ReadableSpan) -> None:
        """A span whose end is told elsewhere is not told again; a forgotten one travels alone."""
        if span.context.span_id not in self._inherited:
            self._hand_on(Chunk([span], DatadogContext(), True, {}))

    def _forget_oldest(self) -> None:
        try:
            span_id = next(iter(self._open))
            trace = self._open.pop(span_id)
        except (KeyError, RuntimeError, StopIteration):
            return  # other threads are changing it; the next span tries again
        trace.open.pop(span_id, None)
        if not trace.open:
            self._hand_on_finished(trace, partial=True)

    def _forget_oldest_trace(self) -> None:
        """It still completes when its spans end, but nobody else asks for it."""
        try:
            trace = next(iter(self._begun))
            del self._begun[trace]
        except (KeyError, RuntimeError, StopIteration):
            return
        self._hand_on_finished(trace, partial=True)

    def forget_oldest_in(self, trace: LocalTrace) -> None:
        """Make room in a trace of light spans too many of which were never ended."""
        try:
            span = trace.open.pop(next(iter(trace.open)))
        except (KeyError, RuntimeError, StopIteration):
            return
        if hasattr(span, "local_trace"):
            span.local_trace = None

    def _after_fork(self) -> None:
        """What was under way belongs to the parent process; its traces go on here with new spans only."""
        self._has_begun = self._begins is None
        for trace in self._under_way():
            self._inherited.update(dict.fromkeys(trace.open, trace))
            trace.go_on_in_child()
        self._begun = {}
        self._open = {}
        if self._inherited and not self._has_begun:
            # What goes on with those begins no trace of its own.
            self._begin()


def _name_once(never_ended: Counter[str]) -> None:
    """Say which spans the program left open: often it forgot to end them."""
    named = [f"{name[:_LONGEST_NAME]} ({number})" for name, number in never_ended.most_common(_MOST_NAMES)]
    more = f" and {len(never_ended) - len(named)} other names" if len(never_ended) > len(named) else ""
    log.debug(
        "%s spans were not ended when the process ended; they are sent with %s=true: %s%s",
        never_ended.total(),
        UNFINISHED,
        ", ".join(named),
        more,
    )


def _unfinished(span: ReadableSpan, now: int) -> ReadableSpan:
    """A span that nobody has ended, as if it ended now; the span itself stays open for whoever has it."""
    told: ReadableSpan = span._readable_span() if isinstance(span, Span) else span
    told._end_time = now
    told._attributes = {**(told.attributes or {}), UNFINISHED: True}
    return told


def _begun(span: Span, context: Context) -> DatadogContext:
    """The state of a local trace that begins with `span`: what its remote parent told, or nothing yet."""
    parent = span.parent
    told = datadog_context.of(context)
    if parent is None:
        # Several traces may begin where a carrier had no trace: what it had beside belongs to each.
        return DatadogContext() if told is None else replace(told, tags=dict(told.tags), metrics={})
    if told is not None:
        return told
    if parent.is_remote:
        return datadog_context.from_context(context, NonRecordingSpan(parent)) or DatadogContext()
    # A parent of this process that has ended: deciding again gives the same answer.
    return DatadogContext()
