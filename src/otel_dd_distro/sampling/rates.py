"""The hash by which every Datadog tracer keeps the same share of ids, and how a rate is written."""

from __future__ import annotations

_FACTOR = 1_111_111_111_111_111_111
_ID_RANGE = 2**64


def is_kept(number: int, rate: float) -> bool:
    """Whether a trace or span id falls under `rate`, 0 to 1: every Datadog tracer answers the same."""
    if rate >= 1:
        return True
    if rate <= 0:
        return False
    return (number % _ID_RANGE) * _FACTOR % _ID_RANGE <= rate * (_ID_RANGE - 1)


def written(rate: float) -> str:
    """A rate as it travels: at most six decimals, rounded half up, without trailing zeros."""
    millionths = int(rate * 1_000_000 + 0.5)
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}".rstrip("0").rstrip(".")
