"""Values that the errors of database servers and drivers quote: `DETAIL: Key (email)=(...)`, `[parameters: ...]`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from . import values
from .places import REDACTED, Place, Places, leads, lowered
from .statements import without_literals

_LONGEST = 4_000
"""Characters that such a value may have: an indexed one is shorter, others are cut by the server."""
_LINE_ENDS = r"(?=\s*(?:[\r\n]|\\[rn]|\Z))"


class _Quoting(NamedTuple):
    sign: str
    """What is in every such error, in lower case."""
    before: re.Pattern[str]
    after: re.Pattern[str] | None
    """What follows the value; None for the end of the line. So it is, too, where nothing like it is found."""
    is_statement: bool = False
    """Whether it is a part of a statement, in which names may stay."""


def _quoting(sign: str, before: str, after: str = "", *, is_statement: bool = False) -> _Quoting:
    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(pattern, re.IGNORECASE)

    return _Quoting(sign, compiled(before), compiled(after) if after else None, is_statement)


_OF_SERVERS = (
    # PostgreSQL and those that speak its protocol
    _quoting(
        "key (",
        r"key \([^\n]{1,80}?\)=\(",
        r"\) (?:already exists|is not present|is still referenced|is duplicated|conflicts with|is not)|\)\.?"
        + _LINE_ENDS,
    ),
    _quoting("failing row contains", r"failing row contains \("),
    _quoting(
        "invalid input", r"invalid input (?:syntax|value) for [^\"\n]{1,80}: \"", rf"\"{_LINE_ENDS}|\"\\n|\"(?=[)\]'])"
    ),
    _quoting("out of range", r"out of range: \"", rf"\"{_LINE_ENDS}"),
    _quoting("is out of range", r"\bvalue \"", r"\" is out of range"),
    _quoting("malformed", r"malformed \w{1,20} literal: \"", rf"\"{_LINE_ENDS}"),
    _quoting("json data, line", r"json data, line \d{1,9}: "),
    _quoting("copy ", r"copy [^\n]{1,60}, line \d{1,9}(?:, column [^:\n]{1,40})?: "),
    _quoting("$1", r"\$1 = "),
    _quoting("query argument $", r"query argument \$\d{1,5}: "),
    _quoting("line 1:", r"(?:\A|\n|\\n)(?-i:LINE) \d{1,9}: \.{3}"),
    _quoting("line 1:", r"(?:\A|\n|\\n)(?-i:LINE) \d{1,9}: (?!\.{3})", is_statement=True),
    # MySQL and MariaDB
    _quoting("duplicate entry", r"duplicate entry '", r"' for key"),
    _quoting("incorrect ", r"incorrect [\w ]{1,40} value: '", rf"' for (?:column|function)|'{_LINE_ENDS}|'\"?\)"),
    _quoting("to use near", r"to use near '", r"' at line", is_statement=True),
    # SQL Server, Oracle, MongoDB, SQLite, Redis
    _quoting("duplicate key value is", r"duplicate key value is \(", r"\)\."),
    _quoting("conversion failed", r"conversion failed when converting [\w ]{1,40} value '", r"' to data type"),
    _quoting("with column values", r"with column values \(", r"\) already"),
    _quoting("dup key", r"dup key: \{", r"\}"),
    _quoting("'keyvalue'", r"'keyValue': \{", r"\}"),
    _quoting("unrecognized token", r"unrecognized token: \"", rf"\"{_LINE_ENDS}|\"(?=['\")])", is_statement=True),
    _quoting('near "', r"near \"", r"\": syntax error|\"", is_statement=True),
    _quoting("args beginning with", r"args beginning with: "),
    # SQLAlchemy's log
    _quoting("s] ", r"\[(?:generated in|cached since) [\d.]{1,20}s(?: ago)?\] "),
    # redis-py shows the command of a pipeline with the error, and Redis a rule of a user
    _quoting(
        "pipeline",
        r"command # \d{1,9} \((?:auth|(?:hello|acl|config|migrate|sentinel) [^\r\n]{0,60}?"
        r"(?:auth|pass|setuser)\S{0,20}) ",
        r"\) of pipeline",
    ),
    _quoting("setuser", r"acl setuser modifier '", r"':"),
)

PARAMETERS = "[parameters: "
_PARAMETERS = re.compile(re.escape(PARAMETERS))
_STATEMENT = re.compile(r"\[sql: ")
_END_OF_SECTION = re.compile(r"\](?=(?:\s|\\n)*(?:\[parameters: |\(background on |\Z))")
_END_OF_LAST_LINE = re.compile(r"\](?=\n|\\n)")


def parameters_in(text: str) -> Iterator[str]:
    """The parameters of statements that an error shows, as it shows them."""
    if PARAMETERS in text:
        places: list[Place] = []
        _find_sections(text, lowered(text), _PARAMETERS, places, is_statement=False)
        for start, end, _ in places:
            yield text[start:end]


def find(text: str, lower: str, places: Places) -> None:
    """Add the values in these messages; `lower` is the text in lower case, sign by sign."""
    for quoting in _OF_SERVERS:
        if quoting.sign in lower:
            _find(text, quoting, places)
    if PARAMETERS in lower:
        _find_sections(text, lower, _PARAMETERS, places, is_statement=False)
    if "[sql: " in lower:
        _find_sections(text, lower, _STATEMENT, places, is_statement=True)


def _find(text: str, quoting: _Quoting, places: Places) -> None:
    after = 0
    for lead in leads(quoting.before, text, places):
        start = lead.end()
        if lead.start() < after:
            continue
        found = quoting.after.search(text, start, start + _LONGEST) if quoting.after else None
        after = found.start() if found else values.end_of_line(text, start)
        _add(text, start, after, quoting.is_statement, places)


def _find_sections(text: str, lower: str, begins: re.Pattern[str], places: Places, *, is_statement: bool) -> None:
    """What SQLAlchemy adds to a driver's error, which may have lines of its own."""
    after = 0
    ends = _END_OF_SECTION
    for lead in leads(begins, lower, places):
        start = lead.end()
        if lead.start() < after:
            continue
        found = ends.search(lower, start)
        if found is None and ends is _END_OF_SECTION:
            ends = _END_OF_LAST_LINE
            found = ends.search(lower, start)
        after = found.start() if found else len(text)
        _add(text, start, after, is_statement, places)


def _add(text: str, start: int, end: int, is_statement: bool, places: Places) -> None:
    if start < end:
        value = text[start:end]
        instead = without_literals(value, longest=_LONGEST) if is_statement else REDACTED
        if instead != value:
            places.append(Place(start, end, instead))
