"""Sampling rules, as JSON or in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..complaints import Unusable

if TYPE_CHECKING:
    from ...sampling.rules import Rule, SpanRule

_LONGEST_FILE = 2**20
_LONGEST_COMPLAINT = 200


def trace_rules(text: str) -> tuple[Rule, ...]:
    from ...sampling.rules import trace_rules  # with what it needs: costs start-up, and is seldom needed

    return _usable(text, trace_rules)


def span_rules(text: str) -> tuple[SpanRule, ...]:
    from ...sampling.rules import span_rules

    return _usable(text, span_rules)


def span_rules_file(path: str) -> tuple[SpanRule, ...]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LONGEST_FILE)
    except (OSError, ValueError) as error:
        raise Unusable(f"cannot be read: {type(error).__name__}") from None
    return span_rules(text)


def _usable(text: str, rules_of: Callable[[str], tuple[tuple[Any, ...], list[str]]]) -> tuple[Any, ...]:
    try:
        rules, wrong = rules_of(text)
    except ValueError as error:
        raise Unusable(str(error)) from None
    if wrong:
        raise Unusable("; ".join(wrong)[:_LONGEST_COMPLAINT], instead=rules)
    return rules
