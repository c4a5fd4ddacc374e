"""Rules as they are written, well and badly."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_dd_distro.sampling.rules import Rules, span_rules, trace_rules
from otel_dd_distro.settings import read


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({}, "has no sample_rate"),
        ({"sample_rate": None}, "has no sample_rate"),
        ({"sample_rate": "often"}, "has a sample_rate that is no number: 'often'"),
        ({"sample_rate": True}, "has a sample_rate that is no number: True"),
        ({"sample_rate": [1]}, "has a sample_rate that is no number: [1]"),
        ({"sample_rate": float("nan")}, "has a sample_rate that is no number: nan"),
        ({"sample_rate": 1, "service": 5}, "has a service that is no text"),
        ({"sample_rate": 1, "name": ["a"]}, "has a name that is no text"),
        ({"sample_rate": 1, "resource": {}}, "has a resource that is no text"),
        ({"sample_rate": 1, "tags": ["a"]}, "has tags that are no object"),
        ({"sample_rate": 1, "tags": {"a": None}}, "has a tag whose value is neither text nor a number"),
        ({"sample_rate": 1, "provenance": "boss"}, "has an unknown provenance 'boss'"),
        ({"sample_rate": 1, "provenance": ["boss"]}, "has an unknown provenance ['boss']"),
        ({"sample_rate": 1, "resorce": "GET *"}, "has an unknown field 'resorce'"),
        ("keep", "is not an object"),
        (None, "is not an object"),
    ],
)
def test_a_bad_rule_is_left_out_and_said_in_one_line(
    rule: Any, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = json.dumps([{"sample_rate": 0.5, "service": "a*"}, rule, {"sample_rate": 1}])
    rules = read({"DD_TRACE_SAMPLING_RULES": text}, argv=["-"]).sampling_rules
    assert [str(rule) for rule in rules] == ["rule 1 a* rate 0.5", "rule 3 rate 1"]
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert f": rule 2 {complaint}; rule 1 a* rate 0.5, rule 3 rate 1 is used instead" in line


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({}, "has neither service nor name"),
        ({"service": "", "name": ""}, "has neither service nor name"),
        ({"sample_rate": 0.5}, "has neither service nor name"),
        ({"name": "a", "sample_rate": "x"}, "has a sample_rate that is no number: 'x'"),
        ({"name": "a", "max_per_second": "x"}, "has a max_per_second that is no number: 'x'"),
        ({"name": 1}, "has a name that is no text"),
        ({"name": "a", "resource": "b"}, "has an unknown field 'resource'"),
    ],
)
def test_a_bad_rule_for_single_spans_is_left_out_too(rule: dict[str, Any], complaint: str) -> None:
    rules, wrong = span_rules(json.dumps([rule, {"name": "b", "max_per_second": 5}]))
    assert [str(rule) for rule in rules] == ["rule 2 name=b rate 1, 5 per second"]
    assert wrong == [f"rule 1 {complaint}"]


def test_rules_of_single_spans_are_clamped_and_unlimited_by_default() -> None:
    rules, _ = span_rules(
        '[{"service": "a", "sample_rate": 7}, {"name": "b", "max_per_second": -1}, {"service": "c*"}]'
    )
    assert [(rule.rate, rule.per_second) for rule in rules] == [(1.0, None)] * 3


@pytest.mark.parametrize("text", ["", "{", "{}", "1", "null", '"a"', "[" * 100_000, "[}", "\ud800"])
def test_what_is_no_array_of_rules_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="not "):
        trace_rules(text)


KEYS = st.sampled_from(["sample_rate", "service", "name", "resource", "tags", "provenance", "max_per_second", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(KEYS, JSON, max_size=6) | JSON, max_size=5))
def test_no_rules_raise_and_each_is_read_or_complained_of(given: list[Any]) -> None:
    text = json.dumps(given)
    for read_rules in (trace_rules, span_rules):
        rules, wrong = read_rules(text)
        assert len(rules) + len(wrong) == len(given)
        assert all(str(rule).isprintable() and 0 <= rule.rate <= 1 for rule in rules)
        assert all(complaint.isprintable() for complaint in wrong)


class Root:
    """Says which of its values were asked for."""

    def __init__(self, **values: Any) -> None:
        self._values = values
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return self._values.get(name, "")


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        ([{"sample_rate": 1}], set()),
        ([{"sample_rate": 1, "service": "shop"}], {"service"}),
        ([{"sample_rate": 1, "service": "other", "tags": {"a": "*"}}], {"service"}),
        ([{"sample_rate": 1, "name": "*", "resource": "*"}], set()),
        ([{"sample_rate": 1, "resource": "a"}], {"service", "name", "resource"}),
        ([{"sample_rate": 1, "tags": {"a": "*"}}], {"service", "meta", "metrics"}),
    ],
)
def test_of_an_open_root_no_more_is_worked_out_than_the_rules_need(rules: list[Any], asked: set[str]) -> None:
    root = Root(service="shop", meta={}, metrics={})
    Rules(trace_rules(json.dumps(rules))[0]).first(root)
    assert set(root.asked) == asked


def test_resources_without_number_take_no_memory_without_number() -> None:
    rules = Rules(trace_rules('[{"sample_rate": 1, "resource": "x*"}]')[0])
    for number in range(5_000):
        rules.first(Root(service="shop", resource=f"{number}"))
    assert len(rules._by_names) <= 2_048


def test_long_resources_and_tags_are_not_held_on_to() -> None:
    rules = Rules(trace_rules('[{"sample_rate": 1, "resource": "*x", "tags": {"a": "*b"}}, {"sample_rate": 0}]')[0])
    for number in range(50):
        long = Root(service="shop", resource=f"{number:300}x", meta={"a": f"{number:300}b"}, metrics={})
        assert rules.first(long) is rules._rules[0]
        assert rules.first(Root(service="shop", resource="x", meta={"a": f"{number:300}b"}, metrics={}))
    assert (len(rules._by_names), len(rules._by_tags)) == (1, 0)
