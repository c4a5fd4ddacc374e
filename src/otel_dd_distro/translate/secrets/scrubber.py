"""Takes out of the text of an error what looks like a secret."""

from __future__ import annotations

from collections.abc import Iterable

from . import credentials, databases, pairs, tokens, validators
from .places import MORE, Place, lowered, replaced
from .statements import LITERAL

LONGEST_TEXT = 50_000
"""Characters of one text that are looked through; the rest is left out."""


def scrubbed(text: str, literals: Iterable[str] = ()) -> str:
    """The text of an error without what looks like a secret, and without these `literals` of a statement.

    In the source lines of a traceback `token=token` is code, and stays.
    """
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT] + MORE
    for literal in literals:
        text = text.replace(literal, LITERAL)
    lower = lowered(text)
    places: list[Place] = []
    if "://" in lower or "%3a%2f%2f" in lower:
        credentials.find(text, lower, places)
    databases.find(text, lower, places)
    pairs.find(text, lower, places)
    tokens.find(text, lower, places)
    validators.find(text, lower, places)
    return replaced(text, places)
