"""Trace and span ids from one fast source, which the application cannot seed and a fork does not copy."""

from __future__ import annotations

import os
import random

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

_source = random.Random()
random_bits = _source.getrandbits
"""`random_bits(64)` is a number below 2**64; about one in 2**64 of them is 0, which is no id."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_source.seed)


class RandomIds(RandomIdGenerator):
    """What the SDK's own generator does, apart from `random.seed`: an application that calls it gets other ids."""

    def generate_span_id(self) -> int:
        return random_bits(64) or self.generate_span_id()

    def generate_trace_id(self) -> int:
        return random_bits(128) or self.generate_trace_id()


class ShortTraceIds(RandomIds):
    """Trace ids whose upper half is zero (`DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED=false`)."""

    def generate_trace_id(self) -> int:
        return self.generate_span_id()
