"""The sampling decision in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..local_trace.datadog_context import DatadogContext
    from ..local_trace.decision import Decision

UNDECIDED = "undecided: nothing was sent yet"
UNKNOWN = "unknown: no open span of this process"


def sentence(context: DatadogContext) -> str:
    """Whether the trace is kept, and why: `kept: rule 2 checkout* rate 0.5`."""
    if context.priority is None:
        return UNDECIDED
    verdict = "kept" if context.priority > 0 else "dropped"
    if context.decision is None:
        maker = context.tags.get("_dd.p.dm")
        return f"{verdict}: upstream, priority {context.priority}" + (f", decision maker {maker}" if maker else "")
    return f"{verdict}: {_reason(context.decision, context.priority > 0)}"


def _reason(decision: Decision, kept: bool) -> str:
    by = decision.by
    if by == "manual":
        return "manual.keep" if kept else "manual.drop"
    if by == "rule":
        return decision.rule
    if by == "limit":
        return f"{decision.rule}, over the limit of {decision.about} per second"
    if by == "agent":
        return f"rate {decision.rate:g} of the Agent for {decision.about}"
    if by == "default":
        return "no rule matches, and the Agent has sent no rate"
    what = f"slower than {decision.about}" if by == "slow" else "an error"
    instead = "" if decision.instead_of is None else f", instead of dropped: {_reason(decision.instead_of, False)}"
    return what + instead
