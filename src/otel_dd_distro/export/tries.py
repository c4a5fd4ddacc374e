"""Retries of requests to the Agent: how many, how long, and the deadline that a shutdown sets."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..clock import clock
from .signal_safe_event import SignalSafeEvent

if TYPE_CHECKING:
    from .agent import Answer

TRIES = 3
FIRST_PAUSE_S = 0.1


class Ending:
    """Until when there is time: for ever, or to the deadline that a shutdown has set, on the monotonic clock."""

    def __init__(self) -> None:
        self.deadline = math.inf
        self._has_begun = SignalSafeEvent()

    def begin(self, deadline: float) -> None:
        self.deadline = deadline
        self._has_begun.set()

    @property
    def has_begun(self) -> bool:
        return self._has_begun.is_set

    def left_s(self, end: float = math.inf) -> float:
        """Seconds until `end` or the deadline, whichever comes first."""
        return min(end, self.deadline) - clock.monotonic()

    def tries(self, end: float) -> Iterator[float]:
        """The seconds left for each try, zero or less where there is no time for it; a pause before each but the first.

        Full jitter between half and once and a half; a shutdown does not wait for it.
        """
        for number in range(TRIES):
            if number:
                self._has_begun.wait(FIRST_PAUSE_S * 2 ** (number - 1) * random.uniform(0.5, 1.5))
            yield self.left_s(end)


def is_taken(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def may_pass(answer: Answer) -> bool:
    """Whether another try may be answered otherwise."""
    return answer.status in (408, 429) or answer.status >= 500
