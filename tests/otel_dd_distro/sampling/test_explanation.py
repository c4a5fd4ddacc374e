"""The decision in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.sampling.explanation import UNDECIDED, sentence
from tests.otel_dd_distro.sampling.process import Process, undecided
from tests.otel_dd_distro.translate.spans import START, chunk, error, span

RULES = json.dumps(
    [
        {"sample_rate": 0, "service": "bill*"},
        {"sample_rate": 0.5, "service": "checkout*"},
        {"sample_rate": 1, "service": "limited", "name": "*", "tags": {"team": "blue"}},
    ]
)
TEAM = {"team": "blue"}
SLOW = span(end=START + 600_000_000)
FAILED = span(status=error("boom"))


@pytest.mark.parametrize(
    ("variables", "one", "context", "said"),
    [
        ({}, span(), None, "kept: no rule matches, and the Agent has sent no rate"),
        ({"DD_SERVICE": "checkout-eu"}, span(trace_id=1), None, "kept: rule 2 checkout* rate 0.5"),
        ({"DD_SERVICE": "checkout-eu"}, span(trace_id=9), None, "dropped: rule 2 checkout* rate 0.5"),
        ({"DD_SERVICE": "billing"}, span(), None, "dropped: rule 1 bill* rate 0"),
        (
            {"DD_SERVICE": "limited", "DD_TRACE_RATE_LIMIT": "0"},
            span(attributes=TEAM),
            None,
            "dropped: rule 3 limited name=* team=blue rate 1, over the limit of 0 per second",
        ),
        ({"DD_TRACE_SAMPLE_RATE": "0.25"}, span(trace_id=1), None, "kept: DD_TRACE_SAMPLE_RATE rate 0.25"),
        ({}, span(attributes={"manual.keep": True}), None, "kept: manual.keep"),
        ({}, span(attributes={"manual.drop": True}), None, "dropped: manual.drop"),
        (
            {},
            span(),
            DatadogContext(priority=1, tags={"_dd.p.dm": "-3"}),
            "kept: upstream, priority 1, decision maker -3",
        ),
        ({}, span(), DatadogContext(priority=0), "dropped: upstream, priority 0"),
        (
            {"DD_TRACE_SAMPLE_RATE": "0", "OTEL_DD_KEEP_SLOWER_THAN": "500ms"},
            SLOW,
            None,
            "kept: slower than 500ms, instead of dropped: DD_TRACE_SAMPLE_RATE rate 0",
        ),
        (
            {"DD_TRACE_SAMPLE_RATE": "0", "OTEL_DD_KEEP_ERRORS": "1"},
            FAILED,
            None,
            "kept: an error, instead of dropped: DD_TRACE_SAMPLE_RATE rate 0",
        ),
    ],
)
def test_the_root_says_why(variables: dict[str, str], one: Any, context: DatadogContext | None, said: str) -> None:
    variables = {"DD_TRACE_SAMPLING_RULES": RULES, "OTEL_DD_EXPLAIN_SAMPLING": "true", **variables}
    (entry,) = Process(**variables).sent(chunk(one, context=context or undecided()))
    assert entry["meta"]["otel_dd.sampling"] == said


def test_the_agents_rate_and_whom_it_is_for() -> None:
    context = Process({"service:shop,env:prod": 0.0}).decided()
    assert sentence(context) == "dropped: rate 0 of the Agent for service:shop,env:prod"
    context = Process({"service:,env:": 1.0}).decided()
    assert sentence(context) == "kept: rate 1 of the Agent for service:,env:"


def test_opentelemetrys_sampler_is_named() -> None:
    context = Process(OTEL_TRACES_SAMPLER="parentbased_always_off").decided()
    assert sentence(context) == "dropped: OTEL_TRACES_SAMPLER parentbased_always_off rate 0"


def test_before_the_decision_there_is_nothing_to_say() -> None:
    assert sentence(DatadogContext()) == UNDECIDED


def test_nothing_is_said_unasked_and_only_on_the_root() -> None:
    (entry,) = Process().sent(chunk(span(), context=undecided()))
    assert "otel_dd.sampling" not in entry["meta"]
    process = Process(OTEL_DD_EXPLAIN_SAMPLING="true")
    first, second = process.sent(chunk(span(), span(id=2, parent=1), context=undecided()))
    assert "otel_dd.sampling" in first["meta"]
    assert "otel_dd.sampling" not in second["meta"]
    (part,) = process.sent(chunk(span(id=2, parent=1), context=undecided(), partial=True))
    assert "otel_dd.sampling" not in part["meta"]
