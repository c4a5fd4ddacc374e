"""The last traces, in memory: whole across services, bounded by their number and by their bytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .spans import Part, Span

MOST_SPANS_OF_A_TRACE = 20_000
_OVERHEAD = 600
"""About what a span takes in memory beside its JSON, in bytes."""
_MOST_NAMES = 50
"""Operations by which a trace is found."""


class Trace:
    """The spans of one trace so far, whoever sent them."""

    def __init__(self, trace_id: int) -> None:
        self.id = trace_id
        """The lower half of its id, by which the parts of different services are found to belong together."""
        self.upper = 0
        self.spans: dict[int, Span] = {}
        self.size = 0
        self.left_out = 0
        """Spans that are not kept, because the trace is too large."""

    @property
    def name(self) -> str:
        """How it is asked for: the 16 hexadecimal digits of the lower half."""
        return f"{self.id:016x}"

    def add(self, span: Span, most_bytes: int) -> None:
        known = self.spans.get(span.id)
        if known is not None and (known.is_native or not span.is_native):
            # Sent again, or the same by OTLP: under Datadog's names it says more.
            return
        size = len(span.json) + _OVERHEAD
        if known is not None:
            self.size -= len(known.json) + _OVERHEAD
        elif len(self.spans) >= MOST_SPANS_OF_A_TRACE or self.size + size > most_bytes:
            self.left_out += 1
            return
        self.spans[span.id] = span
        self.size += size

    def root(self) -> Span:
        """The span that names the trace: the root if it has arrived, else the earliest without its parent."""
        tops = [span for span in self.spans.values() if span.parent not in self.spans]
        return min(tops or self.spans.values(), key=lambda span: (span.parent != 0, span.start))

    def summary(self) -> dict[str, Any]:
        """A row of the list, as the page reads it."""
        spans = self.spans.values()
        root, start = self.root(), min(span.start for span in spans)
        return {
            "id": self.name,
            "trace_id": f"{self.upper:016x}{self.id:016x}",
            "start": str(start),
            "duration": max(span.start + span.duration for span in spans) - start,
            "service": root.service,
            "name": root.name,
            "resource": root.resource,
            "is_whole": root.parent == 0,
            "services": Counter(span.service for span in spans),
            "names": sorted({span.name for span in spans})[:_MOST_NAMES],
            "spans": len(spans),
            "errors": sum(span.error for span in spans),
            "left_out": self.left_out,
        }


class Store:
    """Keeps the traces that were added to last. Not for several threads."""

    def __init__(self, most_traces: int, most_bytes: int) -> None:
        self._most_traces = most_traces
        self._most_bytes = most_bytes
        self._traces: dict[int, Trace] = {}
        """The one that was added to last comes last."""
        self.size = 0
        self.received: Counter[str] = Counter()
        """Spans and payloads, those of traces that are gone included."""
        self.refusal = ""
        """Why the last payload that was refused could not be read."""
        self.changed: list[Callable[[set[int]], None]] = []
        """Called with the ids of traces that have changed or are gone."""

    def __len__(self) -> int:
        return len(self._traces)

    def __iter__(self) -> Iterator[Trace]:
        """All traces, the one that was added to last first."""
        return reversed(list(self._traces.values()))

    def get(self, trace_id: int) -> Trace | None:
        return self._traces.get(trace_id)

    def add(self, parts: Iterable[Part]) -> None:
        touched = set()
        for part in parts:
            trace = self._traces.pop(part.trace, None) or Trace(part.trace)
            before = trace.size
            trace.upper = trace.upper or part.upper
            for span in part.spans:
                trace.add(span, self._most_bytes // 4)
            if trace.spans:
                self._traces[part.trace] = trace
                self.size += trace.size - before
                touched.add(part.trace)
            self.received["spans"] += len(part.spans)
        self.received["payloads"] += 1
        self._tell(touched | self._evict())

    def _evict(self) -> set[int]:
        gone = set()
        while len(self._traces) > self._most_traces or self.size > self._most_bytes:
            oldest = next(iter(self._traces))
            self.size -= self._traces.pop(oldest).size
            gone.add(oldest)
        return gone

    def refuse(self, why: str) -> None:
        self.received["refused"] += 1
        self.refusal = why
        self._tell(set())

    def clear(self) -> None:
        gone = set(self._traces)
        self._traces.clear()
        self.size = 0
        self._tell(gone)

    def _tell(self, touched: set[int]) -> None:
        for listener in self.changed:
            listener(touched)

    def totals(self) -> dict[str, Any]:
        """What the foot of the page says."""
        return {
            "traces": len(self._traces),
            "most_traces": self._most_traces,
            "bytes": self.size,
            "most_bytes": self._most_bytes,
            "spans": self.received["spans"],
            "refused": self.received["refused"],
            "refusal": self.refusal,
        }


def trace_id(text: str) -> int:
    """The lower half of a trace id in any form that logs have: 16 or 32 hexadecimal digits. 0 for none."""
    return int(text[-16:], 16) if re.fullmatch(r"(?:[0-9a-f]{16}){1,2}", text) else 0
