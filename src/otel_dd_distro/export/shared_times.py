"""Times of the last log line and the last wait, shared by a process and those that are forked from it."""

from __future__ import annotations

import math
from typing import Any

from ..clock import clock

_SLOTS = 2


class SharedTimes:
    """Points in time on the monotonic clock, which all processes share, in memory that a fork does not copy.

    What is written at once by several may be that of any of them.
    """

    def __init__(self) -> None:
        self._memory = _memory()

    def age_s(self, slot: int) -> float:
        """Seconds since the last `note`, of whichever process; infinite where there was none."""
        noted = self._memory[slot]
        return clock.monotonic() - noted if noted else math.inf

    def note(self, slot: int) -> None:
        self._memory[slot] = clock.monotonic()


LAST_LINE, WAITED_IN_VAIN = range(_SLOTS)


def _memory() -> Any:
    """A list of floats; where the system has no such memory, this process's alone."""
    try:
        import mmap

        return memoryview(mmap.mmap(-1, 8 * _SLOTS)).cast("d")
    except (ImportError, OSError):
        return [0.0] * _SLOTS
