"""Trace ids of 64 bits, for those who still ask for them."""

from __future__ import annotations

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class ShortTraceIds(RandomIdGenerator):
    """Trace ids whose upper half is zero (`DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED=false`)."""

    def generate_trace_id(self) -> int:
        return self.generate_span_id()
