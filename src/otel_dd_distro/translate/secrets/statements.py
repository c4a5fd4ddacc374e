"""A lexer for SQL that finds literals and comments, in the dialects that differ in where these end.

Whether a backslash escapes a quote, a double quote begins a string or `#` a comment depends on the database. Where that
is not known the statement is read in every dialect, and what is a literal or a comment in one of them is hidden. Every
token is found in one step forward: linear in the length of the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .places import MORE

LITERAL = "?"
LONGEST_STATEMENT = 50_000
"""Characters of a statement that are read; the rest is left out."""

_MOST_LITERALS = 200
_SHORTEST_LITERAL = 3


class _Token(NamedTuple):
    start: int
    end: int
    text: str | None
    """What a literal stands for; None for a comment."""


class _Dialect:
    def __init__(self, tokens: str, *, nested_comments: bool = False) -> None:
        self.pattern = re.compile(tokens, re.DOTALL | re.IGNORECASE | re.VERBOSE)
        self.nested_comments = nested_comments


# An alternative for each token; the name of its group tells what it is. No alternative can end in two ways.
_PREFIXED = r"(?<![\w$])"
_STANDARD = r"'(?:[^']+|'')*(?:'|\Z)"  # a quote within is written twice
_ESCAPED = r"'(?:[^'\\]+|''|\\.)*(?:'|\\?\Z)"  # or behind a backslash
_NUMBER = r"""(?P<number> (?<![\w.$?@]) (?<![^"'\]\w]:) (?:(?<![\w)\]"'])[+-])? \.?\d[\w.]* (?:(?<=[e])[+-]\d+)? )"""
_COMMENT = r"(?P<comment> /\* )"
_TO_THE_END_OF_THE_LINE = r"[^\r\n]*"
_NAME = r'(?P<name> "(?:[^"]+|"")*(?:"|\Z) )'
_NAME_IN_BACKTICKS = r"(?P<backtick> `(?:[^`]+|``)*(?:`|\Z) )"
_LINE = rf"(?P<line> --{_TO_THE_END_OF_THE_LINE} )"

_POSTGRESQL = _Dialect(
    rf"""{_COMMENT} | {_LINE} | {_NAME} | {_NUMBER}
    | (?P<escaped> {_PREFIXED}e{_ESCAPED} ) | (?P<standard> (?:{_PREFIXED}(?:[nbx]|u&))?{_STANDARD} )
    | (?P<dollar> {_PREFIXED}\$(?:[^\W\d]\w*)?\$ )""",
    nested_comments=True,
)
_MYSQL = _Dialect(
    rf"""{_COMMENT} | (?P<line> (?:--(?=\s|\Z)|\#){_TO_THE_END_OF_THE_LINE} ) | {_NAME_IN_BACKTICKS} | {_NUMBER}
    | (?P<escaped> (?:{_PREFIXED}(?:[nbx]|_\w+\s?))?{_ESCAPED} | "(?:[^"\\]+|""|\\.)*(?:"|\\?\Z) )"""
)
_SQLITE = _Dialect(
    rf"""{_COMMENT} | {_LINE} | {_NAME} | {_NAME_IN_BACKTICKS} | (?P<bracket> \[[^\]]*\]? ) | {_NUMBER}
    | (?P<standard> (?:{_PREFIXED}x)?{_STANDARD} )"""
)
_SQL_SERVER = _Dialect(
    rf"""{_COMMENT} | {_LINE} | {_NAME} | (?P<bracket> \[(?:[^\]]+|\]\])*(?:\]|\Z) ) | {_NUMBER}
    | (?P<standard> (?:{_PREFIXED}n)?{_STANDARD} )""",
    nested_comments=True,
)
_ORACLE = _Dialect(
    rf"""{_COMMENT} | {_LINE} | {_NAME} | {_NUMBER}
    | (?P<chosen> {_PREFIXED}n?q'[^\s] ) | (?P<standard> (?:{_PREFIXED}n)?{_STANDARD} )"""
)
_EVERY = (_POSTGRESQL, _MYSQL, _SQLITE, _SQL_SERVER, _ORACLE)
_BY_SYSTEM = {
    "postgresql": (_POSTGRESQL,),
    "cockroachdb": (_POSTGRESQL,),
    "mysql": (_MYSQL,),
    "mariadb": (_MYSQL,),
    "sqlite": (_SQLITE,),
    "microsoft.sql_server": (_SQL_SERVER,),
    "mssql": (_SQL_SERVER,),
    "oracle.db": (_ORACLE,),
    "oracle": (_ORACLE,),
}
_IS_READ_IN_TWO_WAYS = re.compile(r"""[\\"`#\[$]|--|/\*|q'""", re.IGNORECASE)

_BORDERS_OF_COMMENTS = re.compile(r"/\*|\*/")
_CLOSING = {"[": "]", "{": "}", "(": ")", "<": ">"}
_QUOTE = re.compile("(['\"])")
_ESCAPES = re.compile(r"\\(.)", re.DOTALL)


def without_literals(statement: str, system: str = "", *, longest: int = LONGEST_STATEMENT) -> str:
    """A statement with `?` for each string and number, and without its comments.

    So it may be shown where no Agent obfuscates it. `system` is the value of `db.system.name` or `db.system`; after
    `longest` characters the rest is left out.
    """
    rest = ""
    if len(statement) > longest:
        statement, rest = statement[:longest], MORE
    shown = []
    position = 0
    for start, end, is_literal in _hidden(statement, system):
        shown.append(statement[position:start])
        if is_literal:
            shown.append(LITERAL)
        elif statement[start - 1 : start].isalnum() and statement[end : end + 1].isalnum():
            shown.append(" ")
        position = end
    shown.append(statement[position:])
    return "".join(shown).strip() + rest


def literals_of(statements: Iterable[str]) -> list[str]:
    """The strings and long numbers in SQL statements, as written and unescaped, the longest first; at most some 200."""
    found: set[str] = set()
    for literal in _literals(statements):
        for form in (literal, literal.replace("''", "'"), _ESCAPES.sub(r"\1", literal)):
            if len(form) >= _SHORTEST_LITERAL:
                found.add(form)
        if len(found) >= _MOST_LITERALS:
            break
    return sorted(found, key=lambda literal: (-len(literal), literal))


def _literals(statements: Iterable[str]) -> Iterator[str]:
    for statement in statements:
        statement = statement[:LONGEST_STATEMENT]
        for dialect in _dialects(statement, ""):
            for token in _tokens(statement, dialect):
                if token.text is not None:
                    yield token.text


def _dialects(statement: str, system: str) -> tuple[_Dialect, ...]:
    known = _BY_SYSTEM.get(system)
    if known is not None:
        return known
    return _EVERY if _IS_READ_IN_TWO_WAYS.search(statement) else (_POSTGRESQL,)


def _hidden(statement: str, system: str) -> Iterator[tuple[int, int, bool]]:
    """Start and end of what is not shown, and whether there is a literal in it; in order, none in another."""
    dialects = _dialects(statement, system)
    tokens = [token for dialect in dialects for token in _tokens(statement, dialect)]
    if _MYSQL not in dialects and any(token.text is not None and token.text.endswith("\\") for token in tokens):
        # Where a backslash escapes nothing, one before a quote is most often a mistake.
        tokens += _tokens(statement, _MYSQL)
    places = sorted((token.start, token.end, token.text is not None) for token in tokens)
    start, end, is_literal = 0, 0, False
    for other, last, is_one in places:
        if other < end:
            end, is_literal = max(end, last), is_literal or is_one
        else:
            if end:
                yield start, end, is_literal
            start, end, is_literal = other, last, is_one
    if end:
        yield start, end, is_literal


def _tokens(statement: str, dialect: _Dialect) -> Iterator[_Token]:
    """The literals and comments of a statement."""
    position = 0
    while match := dialect.pattern.search(statement, position):
        start, position = match.span()
        kind = match.lastgroup
        if kind == "standard" or kind == "escaped":
            _, quote, text = _QUOTE.split(match[0], 1)
            yield _Token(start, position, text.removesuffix(quote))
        elif kind == "number":
            yield _Token(start, position, match[0].lstrip("+-"))
        elif kind == "line":
            yield _Token(start, position, None)
        elif kind == "comment":
            position = _comment_end(statement, position, dialect.nested_comments)
            yield _Token(start, position, None)
        elif kind == "dollar" or kind == "chosen":
            mark = match[0] if kind == "dollar" else _CLOSING.get(match[0][-1], match[0][-1]) + "'"
            begin = position
            found = statement.find(mark, begin)
            inner = len(statement) if found < 0 else found
            position = min(inner + len(mark), len(statement))
            yield _Token(start, position, statement[begin:inner])


def _comment_end(statement: str, position: int, is_nested: bool) -> int:
    if not is_nested:
        end = statement.find("*/", position)
        return len(statement) if end < 0 else end + 2
    depth = 1
    for border in _BORDERS_OF_COMMENTS.finditer(statement, position):
        depth += 1 if border[0] == "/*" else -1
        if not depth:
            return border.end()
    return len(statement)
