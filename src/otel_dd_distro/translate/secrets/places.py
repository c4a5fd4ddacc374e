"""Places in a text that hold a secret, and the search for where one may begin.

A search holds the interpreter's lock until it returns. So a text is searched in windows, and what a search finds is
looked at in Python, where other threads get their turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableSequence
from typing import NamedTuple

REDACTED = "<redacted>"
MORE = "..."

WINDOW = 4_096
"""Characters that one search goes through."""
LONGEST_LEAD = 160
"""Characters that the expression for a beginning may match; it is searched for in windows that overlap by as many."""
MOST_LEADS = 2_000
"""Beginnings of one kind in one text that are looked at; where there are more, the rest of the text is left out."""


class Place(NamedTuple):
    start: int
    end: int
    instead: str = REDACTED


Places = MutableSequence[Place]


def words(wanted: Iterable[str], text: str, places: Places) -> list[tuple[int, str]]:
    """Where these words stand in the text, from left to right. Most texts have none of most words: this is the way."""
    found: list[tuple[int, str]] = []
    for word in wanted:
        at = text.find(word)
        first = len(found)
        while at >= 0:
            if len(found) - first >= MOST_LEADS:
                places.append(Place(at, len(text), MORE))
                break
            found.append((at, word))
            at = text.find(word, at + len(word))
    found.sort()
    return found


def leads(pattern: re.Pattern[str], text: str, places: Places) -> Iterator[re.Match[str]]:
    """The matches of `pattern`, from left to right; a match near the border of a window may come twice."""
    count = 0
    for begin in range(0, len(text), WINDOW):
        for match in pattern.finditer(text, begin, begin + WINDOW + LONGEST_LEAD):
            if match.start() >= begin + WINDOW:
                break
            count += 1
            if count > MOST_LEADS:
                places.append(Place(match.start(), len(text), MORE))
                return
            yield match


def lowered(text: str) -> str:
    """The text in lower case, of the same length: a capital I with a dot would become two signs."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.replace("\u0130", "i").lower()


def replaced(text: str, places: Places) -> str:
    """The text without what stands in these places; those that overlap are one."""
    if not places:
        return text
    shown = []
    position = 0
    for start, end, instead in sorted(places):
        if start >= position:
            shown.append(text[position:start])
            shown.append(instead)
        position = max(position, end)
    shown.append(text[position:])
    return "".join(shown)
