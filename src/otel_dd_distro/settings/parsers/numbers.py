"""Values that are a number, with its unit and its bounds."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..complaints import NOTHING, Unusable

MOST_BYTES = 2**40
_LONGEST_WAIT_S = 86_400.0
_MOST_A_SECOND = 2**40


def whole(least: int, most: int, clamp: bool = False) -> Callable[[str], int]:
    def whole(text: str) -> int:
        # int() reads a hostile million digits in quadratic time before Python 3.11.
        if len(text) > 25:
            raise Unusable("too long for a number")
        try:
            number = int(text)
        except ValueError:
            raise Unusable("not a whole number") from None
        if number < least:
            raise Unusable(f"less than {least}", instead=least if clamp else NOTHING)
        if number > most:
            raise Unusable(f"more than {most}")
        return number

    return whole


def seconds(least: float = 0.001) -> Callable[[str], float]:
    def seconds(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise Unusable("not a number") from None
        if not math.isfinite(number) or not least <= number <= _LONGEST_WAIT_S:
            raise Unusable(f"not between {least:g} and {_LONGEST_WAIT_S:g} seconds")
        return number

    return seconds


def milliseconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Unusable("not a number") from None
    if not math.isfinite(number) or not 0 < number <= _LONGEST_WAIT_S * 1000:
        raise Unusable(f"not a number of milliseconds between 0 and {_LONGEST_WAIT_S * 1000:g}")
    return number


def rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise Unusable("not a number") from None
    if not math.isfinite(rate):
        raise Unusable("not a number")
    if not 0 <= rate <= 1:
        raise Unusable("not between 0 and 1", instead=min(max(rate, 0.0), 1.0))
    return rate


def per_second(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Unusable("not a number") from None
    if not math.isfinite(number) or abs(number) > _MOST_A_SECOND:
        raise Unusable("not a number per second")
    return number


def duration(text: str) -> float:
    """Seconds, of `500ms`, `2s` or a number of seconds alone."""
    words = text.lower()
    unit = 0.001 if words.endswith("ms") else 1.0
    return seconds(0)(words.removesuffix("ms" if unit < 1 else "s").rstrip()) * unit
