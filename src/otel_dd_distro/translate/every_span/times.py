"""When a span began and how long it took, whatever the application has passed as its times."""

from __future__ import annotations

import math

LARGEST = 2**63 - 1
"""The Agent reads times of 64 bits, and refuses the whole payload for one that is longer, or no whole number."""


def told(start: object, end: object) -> tuple[int, int]:
    """Start and duration, in nanoseconds from 0 to LARGEST."""
    begun = moment(start)
    return begun, max(moment(end) - begun, 0)


def moment(time: object) -> int:
    """Of what was passed for a time the nearest that can be sent; 0 of what is no time."""
    if not isinstance(time, (int, float)) or (isinstance(time, float) and math.isnan(time)):
        return 0
    return int(min(max(time, 0), LARGEST))
