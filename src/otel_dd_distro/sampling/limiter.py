"""A token bucket: so many a second, and no more at once."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic


class Limiter:
    """Allows `per_second` a second and as many at once after a pause; 0: none, less: any number.

    Not for several threads at once: the sampler calls it under its lock. `clock` is in seconds and never goes back.
    Source: Datadog tracer protocol, section 5.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = monotonic) -> None:
        self.per_second = per_second
        self._clock = clock
        self._most = max(per_second, 1.0) if per_second > 0 else 0.0
        self._tokens = self._most
        self._filled_at = clock()
        self._second_began: float | None = None
        self._seen = 0
        self._allowed = 0
        self._rate_before: float | None = None

    def allows(self) -> bool:
        """Whether one more may pass now; if so, it has."""
        per_second = self.per_second
        if per_second < 0:
            return True
        now = self._clock()
        tokens = self._tokens + (now - self._filled_at) * per_second
        self._filled_at = now
        if tokens > self._most:
            tokens = self._most
        allowed = tokens >= 1
        self._tokens = tokens - allowed
        if self._second_began is None:
            self._second_began = now
        elif now - self._second_began >= 1:
            self._rate_before = self._allowed / self._seen
            self._second_began = now
            self._seen = self._allowed = 0
        self._seen += 1
        self._allowed += allowed
        return allowed

    @property
    def effective_rate(self) -> float:
        """Allowed of seen, 0 to 1: of this second, averaged with the second before in which any was seen."""
        seen, before = self._seen, self._rate_before
        rate = self._allowed / seen if seen else 1.0
        return rate if before is None else (rate + before) / 2
