"""Trace and span ids from one fast source, which the application cannot seed and a fork does not copy."""

from __future__ import annotations

import random

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from . import forks
from .clock import clock

_SECONDS = 0xFFFFFFFF

_source = random.Random()
random_bits = _source.getrandbits
"""`random_bits(64)` is a number below 2**64; about one in 2**64 of them is 0, which is no id."""

forks.on_fork(_source.seed)


class RandomIds(RandomIdGenerator):
    """Span ids of 64 random bits; trace ids of 32 bits of unix seconds, 32 zero bits and 64 random ones, as Datadog's.

    An application that calls `random.seed` gets other ids.
    """

    def generate_span_id(self) -> int:
        return random_bits(64) or self.generate_span_id()

    def generate_trace_id(self) -> int:
        forks.check()
        # Whatever a clock says that somebody set: an id has 128 bits.
        return (int(clock.time()) & _SECONDS) << 96 | (random_bits(64) or 1)


class ShortTraceIds(RandomIds):
    """Trace ids whose upper half is zero (`DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED=false`)."""

    def generate_trace_id(self) -> int:
        forks.check()
        return self.generate_span_id()


class CheckedIds(RandomIds):
    """For a tracer that asks for nothing but ids where a local root begins whose trace began elsewhere."""

    def generate_span_id(self) -> int:
        forks.check()
        return super().generate_span_id()
