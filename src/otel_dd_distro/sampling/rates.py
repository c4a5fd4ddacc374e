"""The hash by which every Datadog tracer keeps the same share of ids, and how a rate is written."""

from __future__ import annotations

_FACTOR = 1_111_111_111_111_111_111
_LOW = 2**64 - 1
_LARGEST = float(_LOW)


def is_kept(number: int, rate: float) -> bool:
    """Whether a trace or span id falls under `rate`, 0 to 1: every Datadog tracer answers the same."""
    if rate >= 1:
        return True
    if rate <= 0:
        return False
    return (number & _LOW) * _FACTOR & _LOW <= rate * _LARGEST


def written(rate: float) -> str:
    """A rate as it travels: at most six decimals, rounded half up, without trailing zeros."""
    millionths = int(rate * 1_000_000 + 0.5)
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}".rstrip("0").rstrip(".")
