"""Sends counts of spans (stats) to the Agent: with each cycle those that are due, and all of them at the end."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .agent import Unreached
from .info import STATS_PATH
from .tries import is_taken, may_pass

if TYPE_CHECKING:
    from ..stats import Stats
    from .agent import Agent
    from .notices import Notices
    from .tries import Ending


class StatsDelivery:
    """For one thread at a time."""

    def __init__(self, agent: Agent, stats: Stats, ending: Ending, notices: Notices) -> None:
        self._agent = agent
        self._stats = stats
        self._ending = ending
        self._notices = notices
        self._payloads: deque[bytes] = deque()
        """Not yet taken by the Agent."""

    def holds_any(self) -> bool:
        return bool(self._payloads) or self._stats.holds_any

    def collect(self, everything: bool) -> bool:
        """Take what is due of the stats, or all; False if that is nothing."""
        fresh = self._stats.payloads(everything)
        self._payloads.extend(fresh)
        return bool(fresh)

    def send(self, end: float) -> bool:
        """Send what was collected. False if time ran out: what was not sent then still waits."""
        while self._payloads:
            if not self._deliver(self._payloads[0], end):
                return False
            if self._payloads:
                self._payloads.popleft()
        return True

    def _deliver(self, payload: bytes, end: float) -> bool:
        """Try to send. False if time ran out; otherwise it is settled: taken, or lost and said so."""
        detail = ""
        for left_s in self._ending.tries(end):
            if left_s <= 0:
                return False
            try:
                answer = self._agent.send_stats(payload, left_s)
            except Unreached as error:
                detail = f"no answer: {error.detail}"
                if error.reason in ("refused", "tls"):
                    continue
                # It may have arrived: sent twice it would be counted twice.
                break
            if is_taken(answer):
                return True
            detail = f"answered {answer.status}"
            if answer.status == 404:
                self._give_up()
                return True
            if not may_pass(answer):
                break
        if self._ending.left_s() <= 0:
            return False
        self._notices.trouble(f"counts of spans (stats) are lost: {detail}")
        return True

    def _give_up(self) -> None:
        self._stats.refuse()
        self._payloads.clear()
        self._notices.trouble(f"the Agent does not know {STATS_PATH}: it counts spans (stats) itself from now on")
