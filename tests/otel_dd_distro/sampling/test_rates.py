"""The hash that all Datadog tracers share."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_dd_distro.sampling.rates import is_kept, written

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
