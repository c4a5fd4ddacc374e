"""The literals of SQL statements."""

from __future__ import annotations

import re
from collections.abc import Iterable

LITERAL = "?"

# A quote within a literal is written twice.
_literals = re.compile(r"'((?:[^']|'')*)(?:'|\Z)|(?<![\w.])(\d[\d.]{3,})(?![\w.])")
_statement = re.compile(r"'(?:[^']|'')*'?|(?<![\w.$?:@])[+-]?\d[\w.]*(?![\w.])")
_MOST_LITERALS = 200
_SHORTEST_LITERAL = 3


def literals_of(statements: Iterable[str]) -> list[str]:
    """The strings and long numbers in SQL statements, the longest first."""
    found: dict[str, None] = {}
    for statement in statements:
        for match in _literals.finditer(statement):
            literal = match[1] if match[1] is not None else match[2]
            for form in (literal, literal.replace("''", "'")):
                if len(form) >= _SHORTEST_LITERAL and len(found) < _MOST_LITERALS:
                    found[form] = None
    return sorted(found, key=len, reverse=True)


def without_literals(statement: str) -> str:
    """A statement with `?` for each string and number: what may be shown where no Agent obfuscates it."""
    return _statement.sub(LITERAL, statement)
