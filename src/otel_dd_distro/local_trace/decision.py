"""The record of a sampling decision: how the priority of a trace came about."""

from __future__ import annotations

from dataclasses import dataclass

from .rates import consistent

_BY_ODDS = frozenset(("default", "agent", "rule"))


@dataclass(slots=True)
class Decision:
    """How a priority came about, for those who ask; what was extracted from a carrier has none."""

    by: str
    """`default`, `agent`, `rule`, `limit`, `manual`; or `slow`, `error`: kept when it was over."""
    rate: float = 1.0
    rule: str = ""
    """The rule that was followed, in words: `rule 2 checkout* rate 0.5`."""
    about: str = ""
    """The Agent's key for its rate, the limit, or how slow is slow."""
    instead_of: Decision | None = None

    def odds(self, trace_id: int, is_kept: bool) -> str:
        """The decision as OpenTelemetry's samplers read it in a tracestate (member `ot`); "" where no odds decided."""
        return consistent(trace_id, self.rate, is_kept) if self.by in _BY_ODDS and self.rate > 0 else ""
