"""The hash that all Datadog tracers share."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_dd_distro.local_trace.rates import consistent, is_kept, written

IDS = st.integers(0, 2**128 - 1)
RATES = st.floats(0, 1)


# id, rate, kept: from the rule (id * 1111111111111111111) mod 2^64 <= rate * (2^64 - 1), checked against ddtrace.
@pytest.mark.parametrize(
    ("number", "rate", "kept"),
    [
        (1, 0.05, False),
        (1, 0.0603, True),
        (1, 0.5, True),
        (9, 0.5, False),
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
    source = random.Random(7)
    kept = sum(is_kept(source.getrandbits(64), 0.3) for _ in range(20_000))
    assert 5_700 < kept < 6_300


@given(IDS, RATES, RATES)
def test_what_a_rate_keeps_a_larger_one_keeps_too(number: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert is_kept(number, high) or not is_kept(number, low)


@given(IDS, RATES)
def test_only_the_lower_half_of_a_trace_id_counts(number: int, rate: float) -> None:
    assert is_kept(number, rate) is is_kept(number & (2**64 - 1), rate)


@pytest.mark.parametrize(
    ("rate", "text"),
    [(1.0, "1"), (0.5, "0.5"), (0.7654321, "0.765432"), (0.0000005, "0.000001"), (0.0, "0"), (0.1, "0.1")],
)
def test_a_rate_travels_with_six_decimals_at_most(rate: float, text: str) -> None:
    assert written(rate) == text


@given(RATES)
def test_a_written_rate_reads_back_within_half_a_millionth(rate: float) -> None:
    text = written(rate)
    assert abs(float(text) - rate) <= 0.5e-6 + 1e-12
    assert "e" not in text
    assert not ("." in text and text.endswith(("0", ".")))


# As ddtrace 4.16 writes them.
@pytest.mark.parametrize(
    ("trace_id", "rate", "kept", "member"),
    [
        (44380577570523278879349135829904343037, 0.1, False, "rv:1e9c4a93512e95;th:e6666666666668"),
        (212921585152670434647092254398901607413, 1e-06, False, "rv:6a570192b7f05f;th:ffffef39085f48"),
        (65247135599558325207952639683826353732, 0.999999, True, "rv:e7e5663793a41d;th:000010c6f7a0b8"),
        (187029795130287319885169424259222810740, 0.123456, True, "rv:efb20d3b0db221;th:e065300581494"),
        (51252113140258306594624972934085254274, 0.5, True, "rv:d267ec6affc2f4;th:8"),
        (228469485948796280488618139861499700368, 1.0, True, "rv:14df3ba821ecc4;th:0"),
        # The limiter's word against that of the odds
        (51252113140258306594624972934085254274, 0.5, False, "rv:7fffffffffffff;th:8"),
    ],
)
def test_the_odds_travel_as_opentelemetrys_samplers_read_them(
    trace_id: int, rate: float, kept: bool, member: str
) -> None:
    assert consistent(trace_id, rate, kept) == member
