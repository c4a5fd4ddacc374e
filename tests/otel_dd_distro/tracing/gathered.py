"""Spans of a provider, gathered by our processor."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from otel_dd_distro.gathering import DatadogSpanProcessor, LocalTraces
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.tracing import Tracer, TracerProvider


class Gathered:
    """A light provider whose spans, once their local trace is complete, are in `chunks`."""

    def __init__(self, *, part: int = 300, **kwargs: Any) -> None:
        self.chunks: list[Chunk] = []
        self.traces = LocalTraces(self.chunks.append, part=part)
        self.processor = DatadogSpanProcessor(self.traces, self)
        self.processor.serve_one_more()
        self.provider = TracerProvider(shutdown_on_exit=False, **{"sampler": ALWAYS_ON, **kwargs})
        self.provider.add_span_processor(self.processor)
        tracer = self.provider.get_tracer("test")
        assert isinstance(tracer, Tracer)
        self.tracer = tracer

    def flush(self, timeout_s: float) -> bool:
        return True

    def shutdown(self, timeout_s: float) -> None:
        pass

    @property
    def spans(self) -> list[ReadableSpan]:
        return [span for chunk in self.chunks for span in chunk.spans]

    @property
    def goes_short(self) -> bool:
        """Whether spans started now would take the short way."""
        self.tracer.start_span("asked").end()
        self.chunks.pop()
        terms = self.tracer._terms
        return terms is not None and terms.short is not None
