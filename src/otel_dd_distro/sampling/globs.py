"""Globs of sampling rules, each made into the plainest test that answers it."""

from __future__ import annotations

from collections.abc import Callable

Test = Callable[[str], object]
"""Takes text in lower case; what it returns is true or false."""


def matches(glob: str) -> Test | None:
    """The test whether the whole of a text is as `glob` says; None where every text is.

    `*` is any run of characters, `?` any one; nothing else is special, case makes no difference. No test can be made to
    take long: what stands between two `*` is looked for from left to right, once.
    """
    pattern = glob.lower()
    if pattern and not pattern.strip("*"):
        return None
    pieces = pattern.split("*")
    if "?" in pattern:
        return _with_single_wildcards(pieces)
    if len(pieces) == 1:
        return pattern.__eq__
    first, *between, last = pieces
    between = [piece for piece in between if piece]
    if between:
        return _in_order(first, between, last)
    if not last:
        return lambda text: text.startswith(first)
    if not first:
        return lambda text: text.endswith(last)
    least = len(first) + len(last)
    return lambda text: len(text) >= least and text.startswith(first) and text.endswith(last)


def has_only_wildcards(glob: str) -> bool:
    return not glob.strip("*?")


def _in_order(first: str, between: list[str], last: str) -> Test:
    def test(text: str) -> bool:
        end = len(text) - len(last)
        if not (text.startswith(first) and text.endswith(last)):
            return False
        at = len(first)
        for piece in between:
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return at <= end

    return test


def _with_single_wildcards(pieces: list[str]) -> Test:
    import re  # seldom needed, and costs start-up

    # Without repetitions there is nothing to backtrack into: every piece has one length.
    first, *others = [re.compile("".join("." if sign == "?" else re.escape(sign) for sign in p), re.S) for p in pieces]
    if not others:
        return first.fullmatch
    between, last, length = others[:-1], others[-1], len(pieces[-1])

    def test(text: str) -> bool:
        end = len(text) - length
        found = first.match(text)
        if found is None or end < 0 or last.match(text, end) is None:
            return False
        at = found.end()
        for piece in between:
            found = piece.search(text, at, end)
            if found is None:
                return False
            at = found.end()
        return at <= end

    return test
