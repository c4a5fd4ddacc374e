"""Sampling rules: read once from JSON, then asked which of them is the first that fits.

Source: Datadog tracer protocol, section 5.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ..local_trace.rates import written
from .globs import Test, has_only_wildcards, matches

_PROVENANCES = {"customer": "-11", "dynamic": "-12", "default": "-3"}
"""Who made a rule, in the order in which they are asked, and the decision maker (`_dd.p.dm`) that tells it."""
_KNOWN = {"sample_rate", "service", "name", "resource", "tags", "provenance", "max_per_second", "discard"}
_KNOWN_OF_SPANS = {"sample_rate", "service", "name", "max_per_second"}
_MOST_KEPT = 2_048
_LONGEST_KEPT = 200
_MOST_SHOWN = 60

SpanMap = dict[str, Any]
"""A Datadog span on its way to the Agent."""
Names = tuple[str, str, str]
"""Service, operation name and resource."""
Tag = str | float | None
"""A value of `meta` or of `metrics`; None where there is no such tag."""


class Root(Protocol):
    """The Datadog values of a local root when the decision is taken."""

    @property
    def service(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def resource(self) -> str: ...

    @property
    def meta(self) -> Mapping[str, str]: ...

    @property
    def metrics(self) -> Mapping[str, float]: ...


class Written:
    """A local root that has ended, as it is about to be sent."""

    __slots__ = ("_entry",)

    def __init__(self, entry: SpanMap) -> None:
        self._entry = entry

    @property
    def service(self) -> str:
        return self._entry["service"]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return self._entry["name"]  # type: ignore[no-any-return]

    @property
    def resource(self) -> str:
        return self._entry["resource"]  # type: ignore[no-any-return]

    @property
    def meta(self) -> Mapping[str, str]:
        return self._entry["meta"]  # type: ignore[no-any-return]

    @property
    def metrics(self) -> Mapping[str, float]:
        return self._entry.get("metrics") or {}


@dataclass(frozen=True, slots=True)
class TagTest:
    key: str
    glob: str
    fits: Test | None = field(compare=False, repr=False)

    def holds(self, value: Tag) -> object:
        """Whether the root's tag of this key, in `meta` or in `metrics`, is as the rule wants it."""
        if value is None:
            return False
        if not isinstance(value, str):
            if isinstance(value, int) or value.is_integer():
                value = str(int(value))
            elif has_only_wildcards(self.glob):
                # `23.*` is no way to say "a little more than 23".
                value = str(value)
            else:
                return False
        return self.fits is None or self.fits(value.lower())


@dataclass(frozen=True, slots=True)
class Rule:
    """Traces whose root fits are kept at `rate`."""

    source: str
    """How people know it: `rule 2` of DD_TRACE_SAMPLING_RULES, or the variable that it comes from."""
    rate: float
    """0 to 1."""
    globs: Mapping[str, str] = field(default_factory=dict)
    """Of `service`, `name` and `resource`, those that are given."""
    tags: tuple[TagTest, ...] = ()
    decision_maker: str = "-3"
    service: Test | None = field(default=None, compare=False, repr=False)
    name: Test | None = field(default=None, compare=False, repr=False)
    resource: Test | None = field(default=None, compare=False, repr=False)
    written_rate: str = field(default="", compare=False, repr=False)

    @property
    def asks(self) -> bool:
        """Whether there are roots that do not fit."""
        return bool(self.service or self.name or self.resource or self.tags)

    def __str__(self) -> str:
        return f"{self.source} {' '.join([*_shown(self.globs, self.tags), 'rate'])} {self.rate:g}"


@dataclass(frozen=True, slots=True)
class SpanRule:
    """Spans that fit are kept at `rate`, at most `per_second` of them, when their trace is not."""

    source: str
    rate: float
    globs: Mapping[str, str]
    per_second: float | None
    """None for any number."""
    service: Test | None = field(default=None, compare=False, repr=False)
    name: Test | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        limit = "" if self.per_second is None else f", {self.per_second:g} per second"
        return f"{self.source} {' '.join(_shown(self.globs, ()))} rate {self.rate:g}{limit}"


def rule_for_all(source: str, rate: float) -> Rule:
    """The last rule, which every trace fits."""
    return Rule(source, rate, written_rate=written(rate))


class Rules:
    """Rules in the order in which they are asked; the first that fits is worked out once for roots of one look."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        first = self._rules[0] if self._rules else None
        self._for_all = None if first is None or first.asks else first
        self._only_services = not any(rule.name or rule.resource for rule in self._rules)
        self._tags = tuple(dict.fromkeys(tag.key for rule in self._rules for tag in rule.tags))
        self._by_names: dict[Names, tuple[Rule, ...]] = {}
        self._by_tags: dict[tuple[Names, tuple[Tag, ...]], Rule | None] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def first(self, root: Root) -> Rule | None:
        """The first rule that fits, if any; of `root` no more is read than it takes to know."""
        if self._for_all is not None:
            return self._for_all
        # Name, resource and tags of a span that is still open are dear: often nobody asks for them.
        if self._only_services:
            names = root.service, "", ""
        else:
            name = root.name  # first, because whoever tells it of an open root knows the service
            names = root.service, name, root.resource
        possible = self._by_names.get(names)
        if possible is None:
            possible = self._of_names(names)
        if not possible or not possible[0].tags:
            return possible[0] if possible else None
        meta, metrics = root.meta, root.metrics
        looks = names, tuple([meta[key] if key in meta else metrics.get(key) for key in self._tags])
        return self._by_tags[looks] if looks in self._by_tags else self._of_tags(possible, looks)

    def _of_names(self, names: Names) -> tuple[Rule, ...]:
        service, name, resource = (part.lower() for part in names)
        possible = []
        for rule in self._rules:
            if _fits(rule.service, service) and _fits(rule.name, name) and _fits(rule.resource, resource):
                possible.append(rule)
                if not rule.tags:
                    break
        found = tuple(possible)
        _keep(self._by_names, names, found, names)
        return found

    def _of_tags(self, possible: tuple[Rule, ...], looks: tuple[Names, tuple[Tag, ...]]) -> Rule | None:
        names, values = looks
        tags = dict(zip(self._tags, values, strict=True))
        found = None
        for rule in possible:
            if all(tag.holds(tags[tag.key]) for tag in rule.tags):
                found = rule
                break
        _keep(self._by_tags, looks, found, (*names, *values))
        return found


def _keep(known: dict[Any, Any], key: Any, value: Any, parts: Iterable[Tag]) -> None:
    """Remember, within bounds: resources and tags may be long, and without number."""
    if all(not isinstance(part, str) or len(part) <= _LONGEST_KEPT for part in parts):
        if len(known) >= _MOST_KEPT:
            known.clear()
        known[key] = value


def _fits(test: Test | None, text: str) -> object:
    return test is None or test(text)


# --- reading ---

_R = TypeVar("_R")


def trace_rules(text: str) -> tuple[tuple[Rule, ...], list[str]]:
    """The rules of DD_TRACE_SAMPLING_RULES as they are to be asked, and what is wrong with those left out.

    Raises ValueError where the whole makes no sense.
    """
    rules, wrong = _each(text, _trace_rule)
    # Sorting is stable: those of one provenance stay in the order given.
    order = list(_PROVENANCES.values())
    rules.sort(key=lambda rule: order.index(rule.decision_maker))
    return tuple(rules), wrong


def span_rules(text: str) -> tuple[tuple[SpanRule, ...], list[str]]:
    """The rules of DD_SPAN_SAMPLING_RULES, and what is wrong with those left out. Raises like `trace_rules`."""
    rules, wrong = _each(text, _span_rule)
    return tuple(rules), wrong


def _each(text: str, read: Callable[[str, dict[str, Any]], _R]) -> tuple[list[_R], list[str]]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(given, list):
        raise ValueError("not an array of rules")
    rules, wrong = [], []
    for number, one in enumerate(given, start=1):
        try:
            if not isinstance(one, dict):
                raise ValueError("is not an object")
            rules.append(read(f"rule {number}", one))
        except ValueError as error:
            wrong.append(f"rule {number} {error}")
    return rules, wrong


def _trace_rule(source: str, given: dict[str, Any]) -> Rule:
    _check_keys(given, _KNOWN)
    if given.get("sample_rate") is None:
        raise ValueError("has no sample_rate")
    rate = _rate(given["sample_rate"])
    globs = {key: glob for key in ("service", "name", "resource") if (glob := _glob(given, key)) is not None}
    if not globs.get("resource", "*"):
        del globs["resource"]  # as ddtrace: an empty one is none
    tags = given.get("tags") or {}
    if not isinstance(tags, dict):
        raise ValueError("has tags that are no object")
    provenance = given.get("provenance") or "default"
    if not isinstance(provenance, str) or provenance not in _PROVENANCES:
        raise ValueError(f"has an unknown provenance {_short(provenance)}")
    tests = tuple(TagTest(key, glob, matches(glob)) for key, value in tags.items() for glob in [_tag_glob(value)])
    return Rule(
        source,
        rate,
        globs,
        tests,
        _PROVENANCES[provenance],
        _test(globs, "service"),
        _test(globs, "name"),
        _test(globs, "resource"),
        written(rate),
    )


def _span_rule(source: str, given: dict[str, Any]) -> SpanRule:
    _check_keys(given, _KNOWN_OF_SPANS)
    globs = {key: glob for key in ("service", "name") if (glob := _glob(given, key))}
    if not globs:
        raise ValueError("has neither service nor name")
    rate = _rate(1.0 if given.get("sample_rate") is None else given["sample_rate"])
    limit = given.get("max_per_second")
    per_second = None if limit is None else _number(limit, "max_per_second")
    if per_second is not None and per_second < 0:
        per_second = None
    return SpanRule(source, rate, globs, per_second, _test(globs, "service"), _test(globs, "name"))


def _check_keys(given: dict[str, Any], known: set[str]) -> None:
    # A field that is misspelt would narrow the rule: without it, it would catch what it must not.
    unknown = [key for key in given if key not in known]
    if unknown:
        raise ValueError(f"has an unknown field {_short(unknown[0])}")


def _glob(given: dict[str, Any], key: str) -> str | None:
    glob = given.get(key)
    if glob is not None and not isinstance(glob, str):
        raise ValueError(f"has a {key} that is no text")
    return glob


def _test(globs: Mapping[str, str], key: str) -> Test | None:
    return matches(globs[key]) if key in globs else None


def _tag_glob(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError("has a tag whose value is neither text nor a number")


def _rate(value: Any) -> float:
    return min(max(_number(value, "sample_rate"), 0.0), 1.0)


def _number(value: Any, key: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"has a {key} that is no number: {_short(value)}")
    return number


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."


def _shown(globs: Mapping[str, str], tags: Iterable[TagTest]) -> list[str]:
    """The patterns in words; that of the service is what most rules have, and needs no name."""
    shown = [glob if key == "service" else f"{key}={glob}" for key, glob in globs.items()]
    shown += [f"{tag.key}={tag.glob}" for tag in tags]
    return [text if text.isprintable() else repr(text) for text in shown]
