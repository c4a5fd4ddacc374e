"""Globs: as Datadog's tracers read them, and never slow."""

from __future__ import annotations

import functools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_dd_distro.sampling.globs import has_only_wildcards, matches


def fits(glob: str, text: str) -> bool:
    test = matches(glob)
    return test is None or bool(test(text.lower()))


@pytest.mark.parametrize(
    ("glob", "text", "fitting"),
    [
        ("checkout", "checkout", True),
        ("Checkout", "cHECKOUT", True),
        ("checkout", "checkouts", False),
        ("checkout", "", False),
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("**", "a\nb", True),
        ("a*", "a", True),
        ("a*", "ab\nc", True),
        ("a*", "ba", False),
        ("*a", "ba", True),
        ("*a", "ab", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*a*", "bab", True),
        ("a*b*c", "abbc", True),
        ("a*b*c", "acb", False),
        ("a*bc*c", "abc", False),
        ("a*bc*bc", "abcbc", True),
        ("?", "", False),
        ("?", "\n", True),
        ("?", "ab", False),
        ("a?c", "aBC", True),
        ("*?", "", False),
        ("*?", "abc", True),
        ("?*?", "a", False),
        ("a?*c?", "abccd", True),
        ("*.?", "a.b", True),
        ("[ab]", "a", False),
        ("a.c", "abc", False),
        ("GET /users/*", "get /users/7", True),
        ("\\*", "\\anything", True),
        ("ÄÖ?", "äöü", True),
    ],
)
def test_a_glob_fits_the_whole_text_in_any_case(glob: str, text: str, fitting: bool) -> None:
    assert fits(glob, text) is fitting


@functools.cache
def by_definition(glob: str, text: str) -> bool:
    if not glob:
        return not text
    if glob[0] == "*":
        return by_definition(glob[1:], text) or (bool(text) and by_definition(glob, text[1:]))
    return bool(text) and glob[0] in ("?", text[0]) and by_definition(glob[1:], text[1:])


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_every_glob_is_what_its_definition_says(glob: str, text: str) -> None:
    assert fits(glob, text) is by_definition(glob, text)


@given(st.text(max_size=10).filter(lambda text: not {"*", "?"} & set(text)))
def test_a_text_without_wildcards_fits_itself(text: str) -> None:
    assert fits(text, text)
    assert fits(text + "*", text)
    assert fits("*" + text, text)


@pytest.mark.parametrize("glob", ["*a" * 40 + "b", "*a?" * 40 + "b", "*?a*" * 40 + "b"])
def test_no_glob_can_hang_a_request(glob: str) -> None:
    test = matches(glob)
    assert test is not None
    began = time.thread_time()
    for _ in range(20):
        assert not test("a" * 5_000)
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(("glob", "only"), [("*", True), ("?*?", True), ("", True), ("a*", False), ("23.*", False)])
def test_globs_of_wildcards_alone_are_told_apart(glob: str, only: bool) -> None:
    assert has_only_wildcards(glob) is only
