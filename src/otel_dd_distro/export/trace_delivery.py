"""Sends encoded traces to the Agent: each payload is accepted, lost, or put back into the queue."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..interruptions import is_interruption
from .agent import Unreached
from .info import TRACES_PATH
from .packing import array_header
from .tries import is_taken, may_pass

if TYPE_CHECKING:
    from ..stats import Stats
    from .agent import Agent, Answer
    from .agent_state import AgentState
    from .queue import Encoded, Queue
    from .tries import Ending

log = logging.getLogger("otel_dd_distro.export")


class TraceDelivery:
    """For one thread at a time. `stats` is what the spans were counted in, if they were."""

    def __init__(
        self, agent: Agent, agent_state: AgentState, queue: Queue, ending: Ending, stats: Stats | None
    ) -> None:
        self._agent = agent
        self._agent_state = agent_state
        self._queue = queue
        self._ending = ending
        self._stats = stats

    def send(self, end: float) -> bool:
        """Send what waits now. False if time ran out: what was not sent then still waits."""
        remaining = self._queue.traces()
        while remaining > 0:
            payload = self._queue.next_payload(remaining, self._agent_state.body_limit)
            if not payload:
                return True
            remaining -= len(payload)
            if not self._deliver(payload, end):
                self._queue.put_back(payload)
                return False
        return True

    def tell_left_out(self, end: float) -> None:
        """Where no trace is sampled, a payload without traces says so, and brings the rates that may change it."""
        left_s = self._ending.left_s(end)
        if left_s <= 0 or not any(self._queue.left_out):
            return
        try:
            answer = self._request([array_header(0)], 0, True, left_s)
        except Unreached:
            # The next request says it as well.
            return
        if is_taken(answer):
            self._agent_state.learn(answer)

    def _deliver(self, payload: list[Encoded], end: float) -> bool:
        """Try to send; settle the payload as sent or lost. False if time ran out."""
        parts = [array_header(len(payload)), *(encoded.data for encoded in payload)]
        try:
            answer, reason, detail = self._answered(parts, payload, end)
        except BaseException as error:
            if not isinstance(error, Exception) or is_interruption(error):
                # Its turn comes again.
                self._queue.put_back(payload)
            raise
        if answer is not None:
            self._queue.sent(payload)
            log.debug(
                "The Agent took %s traces, %s spans, %s bytes",
                len(payload),
                sum(encoded.spans for encoded in payload),
                sum(map(len, parts)),
            )
            self._agent_state.learn(answer)
            return True
        if self._ending.left_s(end) <= 0:
            return False
        self._queue.lost(payload, reason, detail)
        return True

    def _answered(self, parts: Sequence[bytes], payload: list[Encoded], end: float) -> tuple[Answer | None, str, str]:
        """The answer of an Agent that has taken it; else None, the reason in one word and what is behind it."""
        reason = detail = ""
        for left_s in self._ending.tries(end):
            if left_s <= 0:
                break
            try:
                answer = self._request(parts, len(payload), payload[0].is_counted, left_s)
            except Unreached as error:
                reason, detail = error.reason, f"no answer: {error.detail}"
                continue
            if is_taken(answer):
                return answer, "", ""
            reason, detail = f"status_{answer.status}", _refusal(answer)
            if not may_pass(answer):
                break
        return None, reason, detail

    def _request(self, parts: Sequence[bytes], traces: int, is_counted: bool, left_s: float) -> Answer:
        # What was counted in stats that the Agent then refused, it had better count itself.
        is_counted = is_counted and self._stats is not None and not self._stats.is_refused
        left_out = self._queue.left_out
        version = self._agent_state.rates.version
        answer = self._agent.send_traces(parts, traces, version, left_s, counted=is_counted, left_out=left_out)
        if is_taken(answer):
            self._queue.told(left_out)
        return answer


def _refusal(answer: Answer) -> str:
    if answer.status in (404, 415):
        return f"the Agent does not know {TRACES_PATH} (status {answer.status}): is it older than version 6?"
    text = " ".join(answer.body[:100].decode("utf-8", "replace").split())
    return f"answered {answer.status} {text}".rstrip()
