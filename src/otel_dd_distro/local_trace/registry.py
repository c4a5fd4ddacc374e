"""A local trace under way, and the registry that keeps it, as far as light spans and their tracer deal with both."""

from __future__ import annotations

from abc import abstractmethod
from collections import ChainMap, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from .datadog_context import DatadogContext

MOST_OPEN_SPANS = 100_000
"""Spans that the application never ends are forgotten, the oldest first, when more than these are open."""


class LightSpan(Span):
    """A span of the light tracer, as far as the registry knows it."""

    span_id: int
    local_trace: LocalTrace | None
    """Where our processor gathers it, while it is open."""


class Registry(Protocol):
    """The local traces under way in this process."""

    part: int
    """A local trace is handed on before it is complete when this many spans of it have ended."""

    def begin_own(self, span: LightSpan, context: Context) -> None:
        """Put a light span without a parent into a local trace of its own."""

    def complete(self, trace: LocalTrace) -> None:
        """Hand on the last of a trace that has no open spans."""

    def hand_on_part(self, trace: LocalTrace) -> None:
        """Hand on the spans that have ended of a trace that has open ones."""

    def end_unknown(self, span: ReadableSpan) -> None:
        """Take a span that ended and is not open in any local trace."""

    def forget_oldest_in(self, trace: LocalTrace) -> None:
        """Make room in a trace of light spans too many of which were never ended."""


class RegistryProcessor(SpanProcessor):
    """The span processor that brings spans to the registry, as the light tracer knows it."""

    @property
    @abstractmethod
    def registry(self) -> Registry | None:
        """Where a light tracer may bring its spans itself while no other processor listens; None if it may not."""

    @abstractmethod
    def say_once(self, error: Exception) -> None:
        """Log a mistake of ours, which never reaches the application."""


class LocalTrace:
    """One local trace: its trace-level state, its open spans and those that ended and were not yet handed on."""

    __slots__ = ("context", "finished", "looked_at", "open", "parents", "part", "root", "traces")

    def __init__(self, traces: Registry, context: DatadogContext, root: ReadableSpan) -> None:
        self.traces = traces
        self.part = traces.part
        self.context = context
        self.root = root
        self.open: dict[int, ReadableSpan] = {}
        self.finished: deque[ReadableSpan] = deque()
        self.looked_at = 0
        """How many of the finished spans the sampler has looked at."""
        self.parents: Mapping[int, ReadableSpan] = self.open

    def go_on_in_child(self) -> None:
        """In a forked child: what is here is the parent process's to tell, and is still known as parents of new spans.

        Nothing is emptied: the fork may have come while this thread was in one of these methods.
        """
        self.open, self.finished, self.looked_at = {}, deque(), 0
        self.parents = ChainMap(self.open, dict(self.parents))

    def end(self, span: LightSpan) -> None:
        """Take a light span that ended, from itself: no registry has to look for its trace."""
        still_open = self.open
        span_id = span.span_id
        if span_id not in still_open:
            self.traces.end_unknown(span)
            return
        finished = self.finished
        # First appended and then no longer open: whoever finds no open span finds all that ended, in any thread.
        finished.append(span)
        still_open.pop(span_id, None)
        # No longer open, and no circle of references: the trace is freed without the collector.
        span.local_trace = None
        if not still_open:
            self.traces.complete(self)
        elif len(finished) >= self.part:
            self.traces.hand_on_part(self)
