"""What the Agent has told us: its description, its sampling rates, and when it is to be asked again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..clock import clock
from .agent import Unreached
from .info import AgentInfo
from .rates import Rates

if TYPE_CHECKING:
    from .agent import Agent, Answer
    from .notices import Notices

INFO_REFRESH_S = 300.0
_LONGEST_ARRAY_HEADER = 5


class AgentState:
    """Outlives a fork: the child need not ask anew. `payload_limit` is ours, in bytes; the Agent has one as well."""

    def __init__(self, agent: Agent, payload_limit: int, notices: Notices) -> None:
        self._agent = agent
        self._payload_limit = payload_limit
        self._notices = notices
        self.rates = Rates()
        self.info = AgentInfo()
        self.info_due_s = -math.inf
        """On the monotonic clock."""
        self._name: str | None = None

    @property
    def body_limit(self) -> int:
        """Most bytes of traces in one request."""
        return min(self._payload_limit, self.info.max_request_bytes) - _LONGEST_ARRAY_HEADER

    def learn(self, answer: Answer) -> None:
        """Take what an answer to traces says beside."""
        complaint = self.rates.learn(answer.body, answer.rates_version)
        if complaint:
            self._notices.trouble(complaint)
        if self.info_due_s == math.inf:
            self.info_due_s = -math.inf
        if answer.state is not None:
            if self._name not in (None, answer.state):
                self.info_due_s = -math.inf
            self._name = answer.state

    def refresh(self, left_s: float) -> None:
        """Ask for the description if that is due, for `left_s` at the longest."""
        now = clock.monotonic()
        if now < self.info_due_s:
            return
        try:
            self.info = self._agent.read_info(max(0.001, left_s))
            self.info_due_s = now + INFO_REFRESH_S
        except Unreached:
            # An Agent that is down needs no second question in each cycle: asked again once a payload was taken.
            self.info_due_s = math.inf
