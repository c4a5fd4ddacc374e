"""Latency distributions as the Agent takes them: the bins of a DDSketch, and its protobuf bytes.

Not Datadog's `ddsketch` package: it can write these bytes only with protobuf, which the base install is free of, takes
more per value than a whole span may cost here, and needs `six`. The tests read what is written here with it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from math import floor, log2

GAMMA = 1.015625
"""Ratio of the bounds of a bin: a relative accuracy of 1/129."""
LOG2_GAMMA = log2(GAMMA)
OFFSET = 1338.5
"""Added to every index; the Agent keeps it with the sketch."""
ZERO = -1
"""The bin of values that are 0. Those of all others are positive, as durations are whole nanoseconds."""
MOST_BINS = 2048

_MAPPING = b"\x0a\x12\x09" + struct.pack("<d", GAMMA) + b"\x11" + struct.pack("<d", OFFSET)
_NO_NEGATIVES = b"\x1a\x00"


def bin_of(nanoseconds: int) -> int:
    """The bin of a duration."""
    return floor(log2(nanoseconds) / LOG2_GAMMA + OFFSET) if nanoseconds > 0 else ZERO


def encode(bins: Mapping[int, int]) -> bytes:
    """Counts by bin as a `DDSketch` message: values in one dense store, the lowest merged if they span too many."""
    zeros = bins.get(ZERO, 0)
    store = b""
    if len(bins) > (ZERO in bins):
        last = max(bins)
        first = max(min(index for index in bins if index != ZERO), last - MOST_BINS + 1)
        counts = [0.0] * (last - first + 1)
        for index, count in bins.items():
            if index != ZERO:
                counts[max(index - first, 0)] += count
        packed = struct.pack(f"<{len(counts)}d", *counts)
        store = b"\x12" + _varint(len(packed)) + packed + b"\x18" + _varint(first << 1)
    zero_count = b"\x21" + struct.pack("<d", zeros) if zeros else b""
    return _MAPPING + b"\x12" + _varint(len(store)) + store + _NO_NEGATIVES + zero_count


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
