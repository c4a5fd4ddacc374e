from __future__ import annotations

import pytest

from otel_dd_distro.translate.secrets.values import BRACKETED, QUOTED, bracketed, end_of_line, quoted, unquoted


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'a b', c", "a b"),
        ("b'a', c", "a"),
        (r"'it\'s', c", r"it\'s"),
        (r"'a\\', c", r"a"),
        (r"'a\\', 'b\\':'c', d", r"a\\', 'b\\':'c"),
        ("'':a', c", "':a"),
        ("'it''s', c", "it''s"),
        ("'it's a', c", "it's a"),
        ("'', c", ""),
        ('"""a "b" c""", d', 'a "b" c'),
        (r"\"a\", c", "a"),
        (r"\"a\\\"b\", c", r"a\\\"b"),
        (r'\"a", c', "a"),
        ("&quot;a'b&quot;, c", "a'b"),
        ("%22a%22, c", "a"),
        ("'a b\nc", "a b"),
    ],
)
def test_what_stands_between_quotes(text: str, value: str) -> None:
    opening = QUOTED.match(text)
    assert opening
    start, end = quoted(text, opening)
    assert text[start:end] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("['a', ['b']] c", "['a', ['b']]"),
        ("Secret(a='(') c", "Secret(a='(')"),
        ("(a b\nc", "(a b"),
        (r"['it\'s ]'] c", r"['it\'s ]']"),
    ],
)
def test_what_stands_in_brackets(text: str, value: str) -> None:
    opening = BRACKETED.match(text)
    assert opening
    assert text[: bracketed(text, opening)] == value


@pytest.mark.parametrize(
    ("text", "separator", "value"),
    [
        ("a,b c=1", "", "a,b"),
        ("a, c=1", "", "a"),
        ("a;c=1", "", "a"),
        ("a;c=1 d", " ", "a;c=1"),
        ("a)b), c", "", "a)b"),
        ("a&b", "&", "a"),
        ("a&b%26c", "%26", "a"),
        ("a b;c", ";", "a b"),
        ("a b}, c", ",", "a b"),
    ],
)
def test_what_stands_before_a_separator(text: str, separator: str, value: str) -> None:
    assert text[: unquoted(text, 0, separator)] == value


@pytest.mark.parametrize(("text", "quote"), [("a\nb", ""), ("a\r\nb", ""), (r"a\r\nb", ""), ("a'b", "'"), ("a", "(")])
def test_where_a_line_ends(text: str, quote: str) -> None:
    assert end_of_line(text, 0, quote) == 1
