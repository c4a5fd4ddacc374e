"""Values that pydantic shows with an error of a field whose name, on the line above, stands for a secret."""

from __future__ import annotations

import re

from . import names
from .places import Place, Places, leads

_SIGN = ", input_value="
_BEGINS = re.compile(r"\[type=\w{1,80}, input_value=")
_ENDS = ", input_type="
_LINE_ENDS = ("\\n", "\n")
"""Also in the `repr()` of such an error."""
_LONGEST_MESSAGE = 1_000
_LONGEST_VALUE = 4_000


def find(text: str, lower: str, places: Places) -> None:
    """Add these values; `lower` is the text in lower case, sign by sign."""
    if _SIGN not in lower:
        return
    for lead in leads(_BEGINS, text, places):
        if any(map(names.is_secret, _field(text, lead.start()).split("."))):
            end = text.find(_ENDS, lead.end(), lead.end() + _LONGEST_VALUE)
            places.append(Place(lead.end(), end if end >= 0 else len(text)))


def _field(text: str, message: int) -> str:
    """The line above that of the message: where in the model the field is."""
    lowest = max(0, message - _LONGEST_MESSAGE)
    below, line_end = max((text.rfind(line_end, lowest, message), line_end) for line_end in _LINE_ENDS)
    above = text.rfind(line_end, max(0, below - names.LONGEST * 4), below) if below >= 0 else -1
    return text[above + len(line_end) : below].strip() if above >= 0 else ""
