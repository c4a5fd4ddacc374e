"""What the spans of one tracer have in common."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor

from ..clock import clock
from . import texts

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanLimits, SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.sdk.util.instrumentation import InstrumentationInfo

    from ..local_trace.registry import Registry

_PLAIN = frozenset((int, bool, float))
# Stands for any other processor, whose own processors are not ours to know.
_NONE = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]


class Terms:
    """Made once, read by every span.

    `processors` are those that `multiple` had then: when it has others, the terms are no longer true. `traces` is where
    spans go when our processor is the only one, else None. `short` is the same, where they may also start without
    asking anybody.
    """

    __slots__ = (
        "cuts",
        "info",
        "limits",
        "longest",
        "most_attributes",
        "multiple",
        "plain",
        "processor",
        "processors",
        "sampler",
        "short",
        "time_ns",
        "traces",
    )

    def __init__(
        self,
        sampler: Sampler | None,
        processor: SpanProcessor,
        info: InstrumentationInfo | None,
        limits: SpanLimits,
        traces: Registry | None = None,
        short: Registry | None = None,
    ) -> None:
        self.sampler = sampler
        self.time_ns = clock.time_ns
        self.processor = processor
        self.multiple = processor if type(processor) is SynchronousMultiSpanProcessor else _NONE
        self.processors = self.multiple._span_processors
        self.info = info
        self.limits = limits
        self.traces = traces
        self.short = short
        most = limits.max_span_attributes
        self.most_attributes: int = sys.maxsize if most is None else most
        # Values of exactly these types, and texts that are no longer, are kept as they are; whatever else comes is
        # cleaned by the SDK.
        self.plain = _PLAIN
        longest = limits.max_span_attribute_length
        self.cuts = longest is None
        self.longest: int = texts.LONGEST if longest is None else longest

    def fail(self, error: Exception) -> None:
        """A span could not be brought to our processor, which says so."""
        self.processors[0].say_once(error)  # type: ignore[attr-defined]
