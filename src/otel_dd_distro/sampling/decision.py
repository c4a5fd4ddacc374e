"""The sampling decision of a trace: taken late, once, and told on its root.

Source: Datadog tracer protocol, section 5.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..forks import on_fork
from ..local_trace.decision import Decision
from ..local_trace.rates import hashed, largest_kept, written
from . import manual
from .explanation import sentence
from .limiter import Limiter
from .manual import USER_KEEP, USER_REJECT
from .rules import Root, Rule, Rules, SpanMap, Written
from .single_spans import SingleSpans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from ..local_trace.chunk import Chunk
    from ..local_trace.datadog_context import DatadogContext
    from ..local_trace.registry import LocalTrace
    from ..settings import Settings

View = Callable[["ReadableSpan"], Root]
"""What is known by now of a local root."""

AUTO_REJECT = 0
AUTO_KEEP = 1

DECISION_MAKER = "_dd.p.dm"
KEEP_RATE = "_dd.p.ksr"
AGENT_RATE = "_dd.agent_psr"
RULE_RATE = "_dd.rule_psr"
LIMIT_RATE = "_dd.limit_psr"
# Not below `_dd.`: people are to find these.
EXPLAINED = "otel_dd.sampling"
KEPT_FOR = "otel_dd.kept_for"

BY_DEFAULT = "-0"
BY_AGENT_RATE = "-1"
BY_RULE = "-3"
BY_HAND = "-4"

_BY_DEFAULT = Decision("default")
_BY_HAND = Decision("manual")


class Ruling:
    """What following a rule comes to, worked out once: only a trace's id and the limit are left to be looked at."""

    __slots__ = ("followed", "largest", "limited", "rate", "tags")

    def __init__(self, rule: Rule, limit: str) -> None:
        self.rate = rule.rate
        self.largest = largest_kept(rule.rate)
        """Hash of a trace id that is kept."""
        self.tags = {DECISION_MAKER: rule.decision_maker, KEEP_RATE: rule.written_rate}
        self.followed = Decision("rule", rule.rate, str(rule), limit)
        self.limited = Decision("limit", rule.rate, str(rule), limit)


class Sampling:
    """Decides traces by the rules of the settings, then by the rates that the Agent asks for; else they are kept.

    `rates` gives the Agent's current table: `service:<service>,env:<env>` -> rate, `service:,env:` for all others.
    Its methods may be called from any thread: of two that decide the same trace, the second finds it decided.
    """

    def __init__(self, settings: Settings, rates: Callable[[], Mapping[str, float]]) -> None:
        self._rates = rates
        self._env = settings.env
        limit = str(settings.rate_limit)
        self._rules = Rules(settings.sampling_rules) if settings.sampling_rules else None
        # By their ids: the rules live as long as their Rules.
        self._rulings = {id(rule): Ruling(rule, limit) for rule in settings.sampling_rules}
        self._limiter = Limiter(settings.rate_limit)
        self._single_spans = SingleSpans(settings.span_sampling_rules)
        slower_than = settings.keep_slower_than_seconds
        self._slow_ns = None if slower_than is None else int(slower_than * 1_000_000_000)
        self._slow = "" if slower_than is None else f"{slower_than * 1_000:g}ms"
        self._keeps_errors = settings.keep_errors
        self._keeps_late = settings.keep_errors or slower_than is not None
        self._late_limiter = Limiter(settings.keep_limit)
        self._explains = settings.explain_sampling
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        # Reentrant, because a signal handler may send a request while its thread is inside.
        self._lock = threading.RLock()

    def decide(self, context: DatadogContext, trace_id: int, root: Root) -> None:
        """Decide for the trace if nobody has: upstream's decision, or one taken earlier, stands.

        `root` is what is known of the local root by now; it is read only as far as the decision needs.
        """
        if context.priority is None:
            with self._lock:
                if context.priority is None:
                    self._decide(context, trace_id, lambda: root)

    def tell(self, trace: LocalTrace, trace_id: int, view: View) -> None:
        """Decide because others are about to be told, after what the spans under way ask for.

        A trace that was told to be dropped is not kept for being slow or in error: its other half would be missing.
        """
        context = trace.context
        if context.decision is not _BY_HAND or context.priority != USER_KEEP:
            wish = manual.wish_in(trace)
            if wish:
                self.obey(context, wish)
        if context.priority is None or (self._keeps_late and not context.is_told):
            with self._lock:
                if context.priority is None:
                    self._decide(context, trace_id, lambda: view(trace.root))
                context.is_told = True

    def obey(self, context: DatadogContext, wish: int) -> None:
        """What the application asks for goes before every decision, upstream's included; keep is never taken back."""
        if context.decision is _BY_HAND and wish in (context.priority, USER_REJECT):
            return
        with self._lock:
            tags = {**context.tags, DECISION_MAKER: BY_HAND}
            tags.pop(KEEP_RATE, None)
            _write(context, wish, tags, {}, _BY_HAND)

    def settle(
        self, chunk: Chunk, maps: list[SpanMap], has_root: bool, steering: Sequence[Mapping[str, Any]], view: View
    ) -> None:
        """The last word on a chunk that is about to be sent: `maps` are its spans, not yet tagged for the trace.

        With `has_root` the first of them is the local root, which has ended; else `view` shows it. `steering` are the
        attributes of those spans that have any of `manual.keep` and `manual.drop`.
        """
        context = chunk.context
        if steering or chunk.partial:
            wish = manual.stronger(manual.strongest(steering), manual.wish_of(tuple(chunk.parents.values())))
            if wish:
                self.obey(context, wish)
        if context.priority is None:
            first = maps[0]
            # The hash looks at no more of the trace id than the lower half, which is in every span map.
            self.decide(context, first["trace_id"], Written(first) if has_root else view(chunk.root or chunk.spans[0]))
        if self._keeps_late:
            if context.priority <= 0 and not context.is_told:  # type: ignore[operator]
                self._keep_late(context, maps, has_root)
            decision = context.decision
            if decision is not None and decision.instead_of is not None:
                maps[0]["meta"][KEPT_FOR] = decision.by
        if self._explains and has_root:
            maps[0]["meta"][EXPLAINED] = sentence(context)
        if context.priority <= 0 and self._single_spans:  # type: ignore[operator]
            with self._lock:
                self._single_spans.mark(maps)

    def _decide(self, context: DatadogContext, trace_id: int, root: Callable[[], Root]) -> None:
        rules = self._rules
        rule = rules.first(root()) if rules is not None else None
        if rule is not None:
            ruling = self._rulings[id(rule)]
            priority, decision = USER_REJECT, ruling.followed
            metrics = {RULE_RATE: ruling.rate}
            if hashed(trace_id) <= ruling.largest:
                if self._limiter.allows():
                    priority = USER_KEEP
                else:
                    decision = ruling.limited
                metrics[LIMIT_RATE] = self._limiter.effective_rate
            _write(context, priority, {**context.tags, **ruling.tags}, metrics, decision)
            return
        rates = self._rates()
        if rates:
            key = f"service:{root().service},env:{self._env}"
            rate = rates.get(key)
            if rate is None:
                key = "service:,env:"
                rate = rates.get(key)
            if rate is not None:
                largest, tags, decision = _asked_by_agent(key, rate)
                priority = AUTO_KEEP if hashed(trace_id) <= largest else AUTO_REJECT
                _write(context, priority, {**context.tags, **tags}, {AGENT_RATE: rate}, decision)
                return
        _write(context, AUTO_KEEP, {**context.tags, DECISION_MAKER: BY_DEFAULT}, {}, _BY_DEFAULT)

    def _keep_late(self, context: DatadogContext, maps: list[SpanMap], has_root: bool) -> None:
        before = context.decision
        if before is None or before is _BY_HAND:
            return  # upstream said so, or the application
        if self._keeps_errors and any(entry.get("error") for entry in maps):
            by = "error"
        elif self._slow_ns is not None and has_root and maps[0]["duration"] >= self._slow_ns:
            by = "slow"
        else:
            return
        with self._lock:
            if context.is_told or not self._late_limiter.allows():
                return
            # It is a rule of the user's that keeps all it fits; no hash had a part in it.
            tags = {**context.tags, DECISION_MAKER: BY_RULE}
            tags.pop(KEEP_RATE, None)
            metrics = {RULE_RATE: 1.0, LIMIT_RATE: self._late_limiter.effective_rate}
            _write(context, USER_KEEP, tags, metrics, Decision(by, about=self._slow, instead_of=before))


@lru_cache(1_024)
def _asked_by_agent(key: str, rate: float) -> tuple[int, dict[str, str], Decision]:
    """What a rate of the Agent's table comes to: the largest hash that is kept, tags, decision."""
    tags = {DECISION_MAKER: BY_AGENT_RATE, KEEP_RATE: written(rate)}
    return largest_kept(rate), tags, Decision("agent", rate, about=key)


def _write(
    context: DatadogContext, priority: int, tags: dict[str, str], metrics: dict[str, float], decision: Decision
) -> None:
    # Whole dicts, because another thread may be reading; the priority last, because it says that all is there.
    context.tags = tags
    context.metrics = metrics
    context.decision = decision
    context.priority = priority
