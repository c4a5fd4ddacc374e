"""The hash by which every Datadog tracer keeps the same share of ids, and how a rate is written."""

from __future__ import annotations

import re

_FACTOR = 1_111_111_111_111_111_111
_LOW = 2**64 - 1
_THRESHOLDS = 1 << 56
_MEMBER = re.compile(r"[a-z][a-z0-9]*:[A-Za-z0-9._-]*(?:;[a-z][a-z0-9]*:[A-Za-z0-9._-]*)*")
_RANDOMNESS = re.compile("[0-9a-f]{14}")
_THRESHOLD = re.compile("[0-9a-f]{1,14}")
_LONGEST_MEMBER = 256


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
    if kept and rate >= 1:
        return f"rv:{randomness:014x};th:0"
    threshold = 0 if rate >= 1 else min(_THRESHOLDS - 1, int((1 - rate) * _THRESHOLDS + 0.5))
    if kept:
        randomness = max(randomness, threshold)
    elif randomness >= threshold:
        randomness = max(0, threshold - 1)
    return f"rv:{randomness:014x};th:{f'{threshold:014x}'.rstrip('0') or '0'}"


def inherited(member: str, trace_id: int, kept: bool) -> str:
    """What is passed on of the odds that were received: "" where they are malformed, no `th` that our decision belies.

    Source: OpenTelemetry, tracestate handling: `rv` stays for the whole trace, a threshold by which the decision would
    be another is erased.
    """
    if len(member) > _LONGEST_MEMBER or not _MEMBER.fullmatch(member):
        return ""
    items = dict(item.split(":", 1) for item in member.split(";"))
    randomness, threshold = items.get("rv"), items.get("th")
    if randomness is not None and not _RANDOMNESS.fullmatch(randomness):
        return ""
    if threshold is not None:
        if not _THRESHOLD.fullmatch(threshold):
            return ""
        number = trace_id & _THRESHOLDS - 1 if randomness is None else int(randomness, 16)
        if kept != (number >= int(threshold.ljust(14, "0"), 16)):
            del items["th"]
    return ";".join(f"{key}:{value}" for key, value in items.items())
