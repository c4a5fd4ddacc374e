"""One cycle of the export thread: ask the Agent what it takes, encode what waits, send it, log what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..interruptions import pass_on
from .notices import say

if TYPE_CHECKING:
    from .agent_state import AgentState
    from .encoding import Encoding
    from .notices import Notices
    from .queue import Queue
    from .stats_delivery import StatsDelivery
    from .trace_delivery import TraceDelivery
    from .tries import Ending

SEND_AT = 1 << 20
"""Encoded bytes that are sent before their time has come."""


class Cycle:
    """For one thread at a time. Without `counts`, spans are not counted here."""

    def __init__(
        self,
        queue: Queue,
        encoding: Encoding,
        traces: TraceDelivery,
        counts: StatsDelivery | None,
        agent_state: AgentState,
        ending: Ending,
        notices: Notices,
    ) -> None:
        self._queue = queue
        self._encoding = encoding
        self._traces = traces
        self._counts = counts
        self._agent_state = agent_state
        self._ending = ending
        self._notices = notices

    def run(self, end: float, *, everything: bool, sends: bool = True) -> bool:
        """Encode and, if it `sends`, send what waits now; of the counts `everything`, or what is due.

        False if something was not sent, and still waits.
        """
        try:
            if self._queue.holds_any():
                self._agent_state.refresh(self._ending.left_s(end))
            self._encoding.all_that_waits()
            return sends and self._traces.send(end) and self._send_counts(end, everything)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not end the thread
            pass_on(error)
            self._notices.trouble(f"export failed: {type(error).__name__}: {error}"[:300])
            return False
        finally:
            say(self._notices.due())

    def is_pressing(self) -> bool:
        """Whether so much waits that it is better sent now."""
        return self._queue.held_bytes >= SEND_AT

    def holds_any(self) -> bool:
        return self._queue.holds_any() or self.holds_counts()

    def holds_counts(self) -> bool:
        return self._counts is not None and self._counts.holds_any()

    def _send_counts(self, end: float, everything: bool) -> bool:
        if self._counts is None:
            return True
        is_fresh = self._counts.collect(everything)
        if not self._counts.send(end):
            return False
        if is_fresh and not self._ending.has_begun:
            self._traces.tell_left_out(end)
        return True
