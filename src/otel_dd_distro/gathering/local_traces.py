"""The local traces that are under way in this process.

A local trace is a span without a local parent, and its descendants. It is found by a span's parent; while spans of it
are open it is held here, and nothing is held of it after.

No locks: spans start and end in many threads, but each step is one operation on a dict or deque, in an order that lets
none of them lose or double a span. An ending span is first appended and then no longer open, so whoever finds a trace
without open spans finds all that ended; what two threads find at once, each span is taken by one of them.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections import ChainMap, deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.trace import NonRecordingSpan

from ..propagation import datadog_context
from ..propagation.datadog_context import DatadogContext
from .chunk import Chunk

log = logging.getLogger("otel_dd_distro")

MOST_OPEN_SPANS = 100_000
"""Spans that the application never ends are forgotten, the oldest first, when more than these are open."""


class LocalTrace:
    """One local trace: its trace-level state, its open spans and those that ended and were not yet handed on."""

    __slots__ = ("context", "finished", "open", "parents", "root")

    def __init__(self, context: DatadogContext, root: ReadableSpan) -> None:
        self.context = context
        self.root = root
        self.open: dict[int, ReadableSpan] = {}
        self.finished: deque[ReadableSpan] = deque()
        self.parents: Mapping[int, ReadableSpan] = self.open


class LocalTraces:
    """All local traces under way, by the ids of their open spans.

    `hand_on` receives a chunk when a local trace is complete, or when `part` spans of it have ended (0: never before
    it is complete).
    """

    def __init__(self, hand_on: Callable[[Chunk], None], *, part: int = 300) -> None:
        self._hand_on = hand_on
        self._part = part or None
        self._open: dict[int, LocalTrace] = {}
        self._inherited: dict[int, LocalTrace] = {}
        if hasattr(os, "register_at_fork"):
            forked = weakref.WeakMethod(self._after_fork)

            def after_in_child() -> None:
                if (method := forked()) is not None:
                    method()

            os.register_at_fork(after_in_child=after_in_child)

    def start(self, span: Span, parent_context: Context | None) -> None:
        """Put a span that started into its parent's local trace, or into a new one."""
        parent = span.parent
        trace = None
        if parent is not None and not parent.is_remote:
            parent_id = parent.span_id
            trace = self._open.get(parent_id)
            if trace is None and self._inherited:
                trace = self._inherited.get(parent_id)
        if trace is None:
            context = get_current() if parent_context is None else parent_context
            trace = LocalTrace(_begun(span, context), span)
            for link in datadog_context.links_of(context):
                span.add_link(link.context, link.attributes)
        span_id = span.context.span_id
        trace.open[span_id] = span
        self._open[span_id] = trace
        if len(self._open) > MOST_OPEN_SPANS:
            self._forget_oldest()

    def end(self, span: ReadableSpan) -> None:
        """Take a span that ended, and hand its local trace on when it is due."""
        span_id = span.context.span_id
        trace = self._open.get(span_id)
        if trace is None:
            self._end_unknown(span)
            return
        trace.finished.append(span)
        del self._open[span_id]
        trace.open.pop(span_id, None)
        if not trace.open:
            self._hand_on_finished(trace, partial=False)
        elif self._part is not None and len(trace.finished) >= self._part:
            self._hand_on_finished(trace, partial=True)

    def of(self, span_id: int) -> LocalTrace | None:
        """The local trace that the open span with this id belongs to."""
        return self._open.get(span_id) or self._inherited.get(span_id)

    def hand_on_all(self) -> None:
        """Hand on what has ended of the local traces that are still under way."""
        for trace in {id(trace): trace for trace in tuple(self._open.values())}.values():
            self._hand_on_finished(trace, partial=True)

    def _hand_on_finished(self, trace: LocalTrace, partial: bool) -> None:
        finished, spans = trace.finished, []
        try:
            while finished:
                spans.append(finished.popleft())
        except IndexError:
            pass  # another thread took the last one
        if spans:
            self._hand_on(Chunk(spans, trace.context, partial, trace.parents, trace.root))

    def _end_unknown(self, span: ReadableSpan) -> None:
        """A span that was open when this process was forked is its parent's; a forgotten one travels alone."""
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

    def _after_fork(self) -> None:
        """What was under way belongs to the parent process; its traces go on here with new spans only."""
        inherited = dict(self._inherited)
        fresh: dict[int, LocalTrace] = {}
        for span_id, trace in self._open.items():
            if id(trace) not in fresh:
                successor = fresh[id(trace)] = LocalTrace(trace.context, trace.root)
                successor.parents = ChainMap(successor.open, dict(trace.parents))
            inherited[span_id] = fresh[id(trace)]
        self._open = {}
        self._inherited = inherited


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
