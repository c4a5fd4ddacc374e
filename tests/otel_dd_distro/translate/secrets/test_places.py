from __future__ import annotations

import re
from typing import Any, cast

import pytest

from otel_dd_distro.translate.secrets.places import (
    LONGEST_LEAD,
    MORE,
    MOST_LEADS,
    REDACTED,
    WINDOW,
    Place,
    leads,
    lowered,
    replaced,
    words,
)


class Recording:
    """An expression that tells how much it was asked to go through at once."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)
        self.longest = 0

    def finditer(self, text: str, start: int, end: int) -> Any:
        self.longest = max(self.longest, end - start)
        return self._pattern.finditer(text, start, end)


@pytest.mark.parametrize("before", [0, 1, WINDOW - 3, WINDOW - 1, WINDOW, WINDOW + LONGEST_LEAD, 3 * WINDOW])
def test_no_search_goes_through_more_than_a_window_and_none_misses_its_border(before: int) -> None:
    recording = Recording("needle")
    text = "." * before + "needle" + "." * WINDOW
    places: list[Place] = []
    found = [lead.start() for lead in leads(cast("re.Pattern[str]", recording), text, places)]
    assert (set(found), places) == ({before}, [])
    assert recording.longest == WINDOW + LONGEST_LEAD


def test_where_there_are_too_many_beginnings_the_rest_of_the_text_goes() -> None:
    text = "x" * (MOST_LEADS + 10)
    places: list[Place] = []
    assert len(list(leads(re.compile("x"), text, places))) == MOST_LEADS
    assert places == [Place(MOST_LEADS, len(text), MORE)]
    places.clear()
    assert len(words(["x"], text, places)) == MOST_LEADS
    assert places == [Place(MOST_LEADS, len(text), MORE)]


def test_words_come_from_left_to_right() -> None:
    assert words(["b", "a", "c"], "a b a", []) == [(0, "a"), (2, "b"), (4, "a")]


def test_places_that_overlap_become_one() -> None:
    assert replaced("0123456789", [Place(5, 7, "?"), Place(1, 3), Place(2, 4), Place(7, 8, "?")]) == f"0{REDACTED}4??89"
    assert replaced("0123", []) == "0123"


def test_lower_case_has_the_length_of_the_text() -> None:
    assert lowered("\u0130A\u00c9") == "ia\u00e9"
