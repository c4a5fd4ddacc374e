"""The time as it is, also where the application has stopped it for a test: freezegun replaces it in every module."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Python's own functions, where nobody looks for them."""

    __slots__ = ("monotonic", "time_ns")

    def __init__(self) -> None:
        self.time_ns: Callable[[], int] = time.time_ns
        self.monotonic: Callable[[], float] = time.monotonic


clock = Clock()
