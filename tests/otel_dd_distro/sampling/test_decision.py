"""The sampling decision: late, once, the same in every Datadog tracer."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from otel_dd_distro.propagation.datadog_context import DatadogContext
from otel_dd_distro.sampling import Sampling
from otel_dd_distro.sampling.decision import is_kept, written


def decided(rates: Mapping[str, float], context: DatadogContext | None = None, trace_id: int = 1) -> DatadogContext:
    context = context or DatadogContext()
    Sampling(lambda: rates, "prod").decide(context, trace_id, "shop")
    return context


def test_without_rates_every_trace_is_kept_by_default() -> None:
    assert decided({}) == DatadogContext(priority=1, tags={"_dd.p.dm": "-0"})


@pytest.mark.parametrize(
    ("rates", "priority", "rate"),
    [
        ({"service:shop,env:prod": 1.0, "service:,env:": 0.0}, 1, 1.0),
        ({"service:shop,env:prod": 0.0, "service:,env:": 1.0}, 0, 0.0),
        ({"service:other,env:prod": 0.0, "service:,env:": 1.0}, 1, 1.0),
    ],
)
def test_the_agents_rate_for_the_service_decides_else_its_default(
    rates: Mapping[str, float], priority: int, rate: float
) -> None:
    context = decided(rates)
    assert context.priority == priority
    assert context.tags["_dd.p.dm"] == "-1"
    assert context.metrics == {"_dd.agent_psr": rate}


def test_rates_for_others_alone_leave_the_default() -> None:
    assert decided({"service:other,env:prod": 0.0}).tags == {"_dd.p.dm": "-0"}


@pytest.mark.parametrize("priority", [-1, 0, 1, 2])
def test_an_upstream_decision_stands(priority: int) -> None:
    upstream = DatadogContext(priority=priority, tags={"_dd.p.dm": "-3"})
    assert decided({"service:,env:": 0.5}, upstream) == DatadogContext(priority=priority, tags={"_dd.p.dm": "-3"})


def test_the_decision_is_taken_once() -> None:
    context = decided({})
    assert decided({"service:,env:": 0.0}, context).priority == 1


# id, rate, kept: from the rule (id * 1111111111111111111) mod 2^64 <= rate * (2^64 - 1), checked against ddtrace.
@pytest.mark.parametrize(
    ("number", "rate", "kept"),
    [
        (1, 0.05, False),
        (1, 0.0603, True),
        (2**64 - 1, 0.93, False),
        (2**64 - 1, 0.94, True),
        (2**64 + 1, 0.0603, True),
        (12345, 0.0, False),
        (12345, 1.0, True),
        (10, 0.6023, False),
        (10, 0.6024, True),
    ],
)
def test_every_datadog_tracer_keeps_the_same_ids(number: int, rate: float, kept: bool) -> None:
    assert is_kept(number, rate) is kept


def test_a_rate_keeps_its_share_of_ids() -> None:
    import random

    source = random.Random(7)
    kept = sum(is_kept(source.getrandbits(64), 0.3) for _ in range(20_000))
    assert 5_700 < kept < 6_300


@pytest.mark.parametrize(
    ("rate", "text"),
    [(1.0, "1"), (0.5, "0.5"), (0.7654321, "0.765432"), (0.0000005, "0.000001"), (0.0, "0"), (0.1, "0.1")],
)
def test_a_rate_travels_with_six_decimals_at_most(rate: float, text: str) -> None:
    assert written(rate) == text
