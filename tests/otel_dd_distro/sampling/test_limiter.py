"""The token bucket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_dd_distro.sampling.limiter import Limiter


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def allowed(limiter: Limiter, number: int) -> int:
    return sum(limiter.allows() for _ in range(number))


def test_a_burst_takes_what_a_second_may_and_a_pause_brings_back_its_share() -> None:
    clock = Clock()
    limiter = Limiter(10, clock)
    assert allowed(limiter, 50) == 10
    clock.now += 0.25
    assert allowed(limiter, 50) == 2
    clock.now += 60
    assert allowed(limiter, 50) == 10


@pytest.mark.parametrize(("per_second", "number"), [(0, 0), (-1, 50), (-0.5, 50)])
def test_zero_allows_none_and_less_any_number(per_second: float, number: int) -> None:
    limiter = Limiter(per_second)
    assert allowed(limiter, 50) == number
    assert limiter.effective_rate == number / 50


def test_less_than_one_a_second_is_one_in_several_seconds() -> None:
    clock = Clock()
    limiter = Limiter(0.5, clock)
    passed = []
    for _ in range(6):
        passed.append(limiter.allows())
        clock.now += 1
    assert passed == [True, False, True, False, True, False]


def test_the_effective_rate_is_that_of_this_second_averaged_with_the_one_before() -> None:
    clock = Clock()
    limiter = Limiter(10, clock)
    assert limiter.effective_rate == 1.0
    allowed(limiter, 40)
    assert limiter.effective_rate == 10 / 40
    clock.now += 1
    allowed(limiter, 20)
    assert limiter.effective_rate == (10 / 40 + 10 / 20) / 2
    clock.now += 5
    allowed(limiter, 5)
    assert limiter.effective_rate == (10 / 20 + 1) / 2


STEPS = st.lists(st.floats(0, 3), max_size=200)


@given(st.floats(0.5, 100), STEPS)
def test_never_more_than_a_burst_and_what_time_brings(per_second: float, steps: list[float]) -> None:
    clock = Clock()
    limiter = Limiter(per_second, clock)
    began, passed = clock.now, 0
    for step in steps:
        clock.now += step
        passed += limiter.allows()
        assert passed <= max(per_second, 1) + (clock.now - began) * per_second + 1e-6


@given(st.floats(1, 100), STEPS)
def test_who_asks_no_faster_than_the_limit_is_never_refused(per_second: float, steps: list[float]) -> None:
    clock = Clock()
    limiter = Limiter(per_second, clock)
    for step in steps:
        clock.now += 1 / per_second + step + 1e-6
        assert limiter.allows()
    assert limiter.effective_rate == 1.0


@given(st.floats(-5, 100), STEPS)
def test_the_effective_rate_is_a_rate(per_second: float, steps: list[float]) -> None:
    clock = Clock()
    limiter = Limiter(per_second, clock)
    for step in steps:
        clock.now += step / 10
        limiter.allows()
        assert 0 <= limiter.effective_rate <= 1
