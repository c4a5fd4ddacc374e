"""Names of secrets with their values: `key=value`, `"key": "value"`, headers, options of a command, elements of XML."""

from __future__ import annotations

import re
from bisect import bisect_right

from . import names, values
from .places import Place, Places, words

_LONGEST_WORD = 16
_WORD_BEFORE = re.compile(r"\b(?!public)[a-z]{3,15} \Z", re.IGNORECASE)
_IN_A_NAME = re.compile(r"[\w.-]")
_REST_OF_A_NAME = re.compile(r"[\w-]+")
_QUOTE = r"(?:\\{0,15}[\"'`]|&quot;|&\#3[49];|%22|%27)"
_SEPARATOR = re.compile(
    rf"""(?:\]|%5d)?(?P<closing>{_QUOTE})?(?:\]|%5d)?
    (?: \s{{0,8}} (?P<sign>=>|:=|=|:|%3d|%3a) (?P<blanks>\s{{0,8}})
      | \s{{0,8}} (?P<comma>,) \s{{0,8}} (?=[bru]{{0,2}}{_QUOTE})
      | (?P<tag>>)
      | (?P<part>(?:\r?\n|\\r\\n){{2}})
      | [ \t]{{1,8}} )""",
    re.VERBOSE | re.IGNORECASE,
)
_OPENING_BRACKET = re.compile(rf"([(\[])\s{{0,4}}[bru]{{0,2}}{_QUOTE}\Z", re.IGNORECASE)
_VALUE = re.compile(rf"[bru]{{0,2}}{_QUOTE}(?:value|val){_QUOTE}\s{{0,8}}[:=]\s{{0,8}}", re.IGNORECASE)
_FIRST_ON_ITS_LINE = re.compile(r"(?:\A|[\r\n]|\\n)[ \t>#|*-]*(?:export )?\Z")
_PAIR_BEFORE = re.compile(r"=\S{0,60}\s\Z")
_IN_A_MAP = re.compile(r"[{,(]\s{0,4}\Z")
_EXPLAINED = re.compile(r"[A-Za-z']+,?[ \t]+[^\s=]")
_CLASS = re.compile(r".*\.(?:[A-Z][a-z0-9]+){2,}")
_BLOCK = re.compile(r"[|>][+-]?[ \t]*\n(?:[ \t]+[^\n]*(?:\n|\Z)|\n)*")
_QUOTES_IN_SOURCE = re.compile(r"(?<!\\)[\"']")
_LONGEST_CONTEXT = 200

_NOTHING = re.compile(
    r"(?:none|null|nil|undefined|true|false|yes|no|empty|unset|required|missing|invalid|expired|incorrect|wrong"
    r"|option|argument|flag|is|was|and|or|to)?",
    re.IGNORECASE,
)
"""What stands in a secret's place and is none."""
_OF_A_PARSER = re.compile(
    r"\b(?:unexpected|unrecogni[sz]ed|unknown|illegal|expected|bad|next|current|this)[ \t]\Z", re.IGNORECASE
)
"""Before `token` this tells that a language's token is meant."""


def find(text: str, lower: str, places: Places) -> None:
    """Add the values of names that stand for secrets; `lower` is the text in lower case, sign by sign."""
    after = 0
    source: _SourceLines | None = None
    for start, part in words(names.PARTS, lower, places):
        if start < after:
            continue
        rest = _REST_OF_A_NAME.match(text, start, start + names.LONGEST)
        end = after = rest.end() if rest else start + len(part)
        separator = _SEPARATOR.match(text, end)
        if separator is None:
            continue
        start = _beginning(text, start)
        name = text[start:end].strip("-.")
        if not names.is_secret(name):
            before = _WORD_BEFORE.search(text, max(0, start - _LONGEST_WORD), start) if separator["sign"] else None
            if before is None or not names.is_secret(f"{before[0]}{name}"):
                continue
            # `api key: x`
            start = before.start()
        if source is None:
            source = _SourceLines(text)
        value = _value(text, name, start, separator, is_source=start in source)
        if value is not None and value[0] < value[1]:
            places.append(Place(*value))
            after = value[1]


def _beginning(text: str, position: int) -> int:
    """Where the name begins in whose middle a position is."""
    start = position
    lowest = max(0, position - names.LONGEST)
    while start > lowest and _IN_A_NAME.match(text, start - 1):
        start -= 1
    before = text[start - 1 : start]
    if before == "%":
        return min(start + 2, position)
    if before == "\\" and start < position and text[start] in "nrt":
        return start + 1
    return start


def _value(text: str, name: str, start: int, separator: re.Match[str], *, is_source: bool) -> tuple[int, int] | None:
    at = separator.end()
    sign = separator["sign"]
    opening = values.QUOTED.match(text, at)
    if separator["tag"]:
        return (at, values.element(text, at)) if text[start - 1 : start] in ("<", ":") else None
    if separator["part"]:
        return (at, values.end_of_line(text, at)) if separator["closing"] else None
    if separator["comma"]:
        return _second_of_a_pair(text, name, start, opening) if opening else None
    if sign is None:
        return _after_a_blank(text, name, start, separator, opening)
    is_named = separator["closing"] is not None
    is_bare = not is_named and sign in (":", "%3a", "%3A")
    before = text[max(0, start - _LONGEST_CONTEXT) : start]
    if is_bare and _OF_A_PARSER.search(before) and not names.is_password(name):
        return None
    if opening and not (is_bare and names.is_header(name)):
        return values.quoted(text, opening)
    if is_source and not _ends_in_a_string(before.rpartition("\n")[2]):
        return None
    if is_bare:
        return _after_a_colon(text, name, before, separator)
    return _checked(text, at, _end(text, at, before, sign, is_named))


def _end(text: str, at: int, before: str, sign: str, is_named: bool) -> int:
    if sign in ("%3d", "%3D"):
        return values.unquoted(text, at, "%26")
    if before.endswith(("?", "&")):
        return values.unquoted(text, at, "&")
    bracket = values.BRACKETED.match(text, at)
    is_in_a_string = before.rstrip(" ").endswith(";")
    if is_in_a_string and not (bracket and bracket[0] == "{"):
        return values.unquoted(text, at, ";")
    if bracket:
        at = values.bracketed(text, bracket)
        return max(at, values.unquoted(text, at))
    if is_named:
        return values.unquoted(text, at, ",")
    return values.unquoted(text, at, " " if _PAIR_BEFORE.search(before) else "")


def _after_a_colon(text: str, name: str, before: str, separator: re.Match[str]) -> tuple[int, int] | None:
    """The rest of the line of a header, or where the name is the first on its line; else a word.

    In a sentence an explanation may follow: "cannot get token: connection refused".
    """
    at = separator.end()
    is_first = _FIRST_ON_ITS_LINE.search(before) is not None
    if "\n" in separator["blanks"]:
        # A line that is indented below the name is its value; the next is another matter.
        return (at, values.end_of_line(text, at)) if is_first and text[at - 1] in " \t" else None
    if is_first and _CLASS.fullmatch(name):
        return None
    block = _BLOCK.match(text, at) if is_first else None
    if block:
        return at, block.end()
    if is_first or names.is_header(name):
        return _checked(text, at, values.end_of_line(text, at, before[-1:]))
    if _EXPLAINED.match(text, at) and not names.is_password(name):
        return None
    bracket = values.BRACKETED.match(text, at)
    if bracket:
        return at, values.bracketed(text, bracket)
    return _checked(text, at, values.unquoted(text, at, "," if _IN_A_MAP.search(before) else " "))


def _after_a_blank(
    text: str, name: str, start: int, separator: re.Match[str], opening: re.Match[str] | None
) -> tuple[int, int] | None:
    """The value of an option, `--password x`, and a password in quotes, `PASSWORD 'x'`."""
    at = separator.end()
    if separator["closing"] is not None:
        return None
    if text.startswith("-", start):
        if opening:
            return values.quoted(text, opening)
        return None if text.startswith("-", at) else _checked(text, at, values.unquoted(text, at, " "))
    return values.quoted(text, opening) if opening and names.is_password(name) else None


def _second_of_a_pair(text: str, name: str, start: int, opening: re.Match[str]) -> tuple[int, int] | None:
    """The value in `('name', 'value')`, `{'name': 'name', 'value': 'value'}` and in the list of a command's arguments.

    What follows in a list of names is none.
    """
    other = _VALUE.match(text, opening.start())
    if other:
        held = values.QUOTED.match(text, other.end())
        return values.quoted(text, held) if held else None
    value = values.quoted(text, opening)
    if text.startswith("-", start):
        return value
    bracket = _OPENING_BRACKET.search(text[max(0, start - _LONGEST_CONTEXT) : start])
    if bracket is None or (bracket[1] == "[" and not names.is_header(name)):
        return None
    return value


def _ends_in_a_string(source: str) -> bool:
    quote = ""
    for found in _QUOTES_IN_SOURCE.finditer(source):
        if not quote:
            quote = found[0]
        elif quote == found[0]:
            quote = ""
    return bool(quote)


def _checked(text: str, start: int, end: int) -> tuple[int, int] | None:
    return None if _NOTHING.fullmatch(text[start:end].strip(" \t.,;!)\"'")) else (start, end)


class _SourceLines:
    """The lines of a traceback that show source code: there `token=token` is no secret."""

    _frame = re.compile(r"""^([ |]*)File "[^"\n]{0,1000}", line \d{1,9}[^\n]{0,200}\n""", re.MULTILINE)

    def __init__(self, text: str) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        if ", line " not in text:
            return
        for frame in self._frame.finditer(text):
            at = frame.end()
            while text.startswith(frame[1] + "  ", at):
                at = text.find("\n", at) + 1 or len(text)
            self._starts.append(frame.end())
            self._ends.append(at)

    def __contains__(self, position: int) -> bool:
        index = bisect_right(self._starts, position) - 1
        return index >= 0 and position < self._ends[index]
