"""Where a value ends: between quotes, in brackets, or at what separates it from the next.

What a function looks at belongs to the value, or is a bounded number of characters: no text is gone through twice.
"""

from __future__ import annotations

import re

QUOTED = re.compile(r"[bruf]{0,2}(?P<quote>(?P<depth>\\{0,15})[\"'`]|&quot;|&#3[49];|%22|%27)", re.IGNORECASE)
"""The beginning of a string: in a language, in JSON within JSON, in HTML, in a URL."""
BRACKETED = re.compile(r"[A-Za-z_][\w.]{0,60}[\[({]|[\[({]")
"""The beginning of a list, a map or a call."""

_LONGEST = 4_000
_BORDERS = re.compile(r"[\[\](){}\"']")
_CLOSING = {"[": "]", "{": "}", "(": ")"}
_END_OF_LINE = re.compile(r"[\r\n]|\\[rn]")
_END_OF_LINE_IN = {quote: re.compile(rf"[\r\n{quote}]|\\[rn]") for quote in "\"'`"}
_ENDS = {
    "": re.compile(r"(?:[^\s&;,]+|[&;,](?!\s{0,4}[\w.-]{1,40}=))+"),
    " ": re.compile(r"\S+"),
    "&": re.compile(r"[^\s&#\"'<>]+"),
    "%26": re.compile(r"(?:[^\s&\"'<>%]+|%(?!26))+"),
    ";": re.compile(r"[^;\r\n]+"),
    ",": re.compile(r"[^,}\]\r\n]+"),
}
_FOLLOWING = re.compile(r"\Z|[\s,;)\]}>&|\"'`\\<%+*#]|[.!?:](?:\s|\Z)")
"""What may follow the quote that ends a value."""
_PUNCTUATION = ",;)]}>'\"."


def end_of_line(text: str, start: int, quote: str = "") -> int:
    """The end of a line, also of one that is written as `\\r` or `\\n`, or the `quote` that encloses it."""
    found = _END_OF_LINE_IN.get(quote, _END_OF_LINE).search(text, start)
    return found.start() if found else len(text)


def quoted(text: str, opening: re.Match[str]) -> tuple[int, int]:
    """Start and end of what stands between quotes; up to the end of the line where nothing closes it."""
    start = opening.end()
    limit = start + _LONGEST
    quote = opening["quote"].lstrip("\\")
    depth = len(opening["depth"] or "")
    if len(quote) > 1 or (not depth and text.startswith(quote * 2, start)):
        if len(quote) == 1:
            start, quote = start + 2, quote * 3
        end = text.find(quote, start, limit)
        return start, end_of_line(text, start) if end < 0 else end
    at = start
    behind_backslashes = -1
    while (found := text.find(quote, at, limit)) >= 0:
        first = found
        while first > at and text[first - 1] == "\\":
            first -= 1
        at = found + 1
        backslashes = found - first
        if not depth and found > start and text.startswith(quote, at):
            at += 1  # written twice for one: SQL
        elif not _FOLLOWING.match(text, at):
            continue  # an apostrophe that nobody escaped
        elif backslashes <= depth:
            return start, first
        elif behind_backslashes < 0 and not backslashes % 2:
            # The string's end behind a backslash of its own, or a quote in a string that was escaped twice.
            behind_backslashes = first
    if behind_backslashes >= 0:
        return start, behind_backslashes
    return start, max(end_of_line(text, start), at)


def bracketed(text: str, opening: re.Match[str]) -> int:
    """The end of a list, a map or a call; of the line where no bracket closes it."""
    expected = [_CLOSING[opening[0][-1]]]
    at = opening.end()
    limit = at + _LONGEST
    while found := _BORDERS.search(text, at, limit):
        sign = found[0]
        at = found.end()
        if sign in "\"'":
            closing = text.find(sign, at, limit)
            while closing > 0 and text[closing - 1] == "\\":
                closing = text.find(sign, closing + 1, limit)
            if closing < 0:
                break
            at = closing + 1
        elif sign in _CLOSING:
            expected.append(_CLOSING[sign])
        elif sign == expected[-1]:
            expected.pop()
            if not expected:
                return at
    return max(end_of_line(text, opening.end()), at)


def element(text: str, start: int) -> int:
    """The end of what an XML element holds."""
    end = text.find("<", start, start + _LONGEST)
    return end_of_line(text, start) if end < 0 else end


def unquoted(text: str, start: int, separator: str = "") -> int:
    """The end of a value that is separated from what follows by `separator`; punctuation at its end is no part of it.

    `&` in a query (`%26` in an encoded one), `;` in a connection string, `,` in a map, a blank. Without it a sign
    separates only where another `name=` follows.
    """
    found = _ENDS[separator].match(text, start)
    end = found.end() if found else start
    if separator in ("", " ", ","):
        while end > start and text[end - 1] in _PUNCTUATION:
            end -= 1
    return end
