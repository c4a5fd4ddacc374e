"""The sampling decision of a trace: taken late, once, and told on its root.

Source: Datadog tracer protocol, sampling priorities and mechanisms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..propagation.datadog_context import DatadogContext

AUTO_REJECT = 0
AUTO_KEEP = 1

DECISION_MAKER = "_dd.p.dm"
KEEP_RATE = "_dd.p.ksr"
AGENT_RATE = "_dd.agent_psr"

BY_DEFAULT = "-0"
BY_AGENT_RATE = "-1"

_FACTOR = 1_111_111_111_111_111_111
_ID_RANGE = 2**64


class Sampling:
    """Decides traces by the rates that the Agent asks for; without any, every trace is kept.

    `rates` gives the Agent's current table: `service:<service>,env:<env>` -> rate, `service:,env:` for all others.
    """

    def __init__(self, rates: Callable[[], Mapping[str, float]], env: str) -> None:
        self._rates = rates
        self._env = env

    def decide(self, context: DatadogContext, trace_id: int, service: str) -> None:
        """Decide for the trace if nobody has: upstream's decision, or one taken earlier, stands."""
        if context.priority is not None:
            return
        rates = self._rates()
        rate = rates.get(f"service:{service},env:{self._env}", rates.get("service:,env:")) if rates else None
        if rate is None:
            context.tags[DECISION_MAKER] = BY_DEFAULT
            context.priority = AUTO_KEEP
            return
        context.tags[DECISION_MAKER] = BY_AGENT_RATE
        context.tags[KEEP_RATE] = written(rate)
        context.metrics[AGENT_RATE] = rate
        context.priority = AUTO_KEEP if is_kept(trace_id, rate) else AUTO_REJECT


def is_kept(number: int, rate: float) -> bool:
    """Whether a trace or span id falls under `rate`, 0 to 1: every Datadog tracer answers the same."""
    if rate >= 1:
        return True
    if rate <= 0:
        return False
    return (number % _ID_RANGE) * _FACTOR % _ID_RANGE <= rate * (_ID_RANGE - 1)


def written(rate: float) -> str:
    """A rate as it travels: at most six decimals, rounded half up, without trailing zeros."""
    millionths = int(rate * 1_000_000 + 0.5)
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}".rstrip("0").rstrip(".")
