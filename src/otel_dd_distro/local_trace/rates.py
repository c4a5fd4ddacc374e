"""The hash by which every Datadog tracer keeps the same share of ids, and how a rate is written."""

from __future__ import annotations

_FACTOR = 1_111_111_111_111_111_111
_LOW = 2**64 - 1
_THRESHOLDS = 1 << 56


def is_kept(number: int, rate: float) -> bool:
    """Whether a trace or span id falls under `rate`, 0 to 1: every Datadog tracer answers the same."""
    return hashed(number) <= largest_kept(rate)


def hashed(number: int) -> int:
    """Of the lower half of a trace id, or of a span id."""
    return number * _FACTOR & _LOW


def largest_kept(rate: float) -> int:
    """The largest hash that falls under `rate`."""
    if rate >= 1:
        return _LOW
    return int(rate * float(_LOW)) if rate > 0 else -1


def written(rate: float) -> str:
    """A rate as it travels: at most six decimals, rounded half up, without trailing zeros."""
    millionths = int(rate * 1_000_000 + 0.5)
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}".rstrip("0").rstrip(".")


def consistent(trace_id: int, rate: float, kept: bool) -> str:
    """The odds of a decision for OpenTelemetry's samplers downstream: randomness `rv` and rejection threshold `th`.

    Source: OpenTelemetry, consistent probability sampling (56 bits each): kept means `rv >= th`. The randomness is what
    the hash above makes of the trace id, so both agree but for rounding, where the decision is right.
    """
    randomness = (~hashed(trace_id) & _LOW) >> 8
    threshold = 0 if rate >= 1 else min(_THRESHOLDS - 1, int((1 - rate) * _THRESHOLDS + 0.5))
    if kept:
        randomness = max(randomness, threshold)
    elif randomness >= threshold:
        randomness = max(0, threshold - 1)
    return f"rv:{randomness:014x};th:{f'{threshold:014x}'.rstrip('0') or '0'}"
