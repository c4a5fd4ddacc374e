"""Single spans that are kept though their trace is not."""

from __future__ import annotations

from collections.abc import Iterable

from ..local_trace.rates import is_kept
from .limiter import Limiter
from .rules import SpanMap, SpanRule

MECHANISM = "_dd.span_sampling.mechanism"
RATE = "_dd.span_sampling.rule_rate"
PER_SECOND = "_dd.span_sampling.max_per_second"

_BY_SPAN_RULE = 8
_MOST_KEPT = 2_048


class SingleSpans:
    """The rules of DD_SPAN_SAMPLING_RULES, each with a limit of its own.

    Not for several threads at once. Source: Datadog tracer protocol, section 5.
    """

    def __init__(self, rules: Iterable[SpanRule]) -> None:
        self._rules = [(rule, Limiter(-1 if rule.per_second is None else rule.per_second)) for rule in rules]
        self._by_names: dict[tuple[str, str], tuple[SpanRule, Limiter] | None] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def mark(self, maps: Iterable[SpanMap]) -> None:
        """Tag those of a rejected trace's spans that are kept: the first rule that fits a span has the only say."""
        for entry in maps:
            names = entry["service"], entry["name"]
            found = self._by_names[names] if names in self._by_names else self._first(names)
            if found is None:
                continue
            rule, limiter = found
            if is_kept(entry["span_id"], rule.rate) and limiter.allows():
                metrics = entry.setdefault("metrics", {})
                metrics[MECHANISM] = _BY_SPAN_RULE
                metrics[RATE] = rule.rate
                if rule.per_second is not None:
                    metrics[PER_SECOND] = rule.per_second

    def _first(self, names: tuple[str, str]) -> tuple[SpanRule, Limiter] | None:
        service, name = (part.lower() for part in names)
        found = None
        for rule, limiter in self._rules:
            if (rule.service is None or rule.service(service)) and (rule.name is None or rule.name(name)):
                found = rule, limiter
                break
        if len(self._by_names) >= _MOST_KEPT:
            self._by_names = {}
        self._by_names[names] = found
        return found
