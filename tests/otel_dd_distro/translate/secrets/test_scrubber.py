"""The whole of it; what is taken out is shown kind by kind beside this."""

from __future__ import annotations

import itertools
import time

import pytest

from otel_dd_distro.translate.secrets import literals_of, scrubbed
from otel_dd_distro.translate.secrets.scrubber import LONGEST_TEXT


def test_literals_go_first_and_the_rest_is_looked_through_as_it_came() -> None:
    literals = literals_of(["insert into t values ('it''s', 123456, 'x', 7)"])
    assert scrubbed("no 'it''s', it's 123456, token=abc", literals) == "no '?', ? ?, token=<redacted>"


def test_a_capital_that_grows_in_lower_case_moves_nothing() -> None:
    assert scrubbed("\u0130\u0130\u0130 password=abc def") == "\u0130\u0130\u0130 password=<redacted> def"


def test_a_long_text_is_cut() -> None:
    assert scrubbed("x" * (LONGEST_TEXT + 1)) == "x" * LONGEST_TEXT + "..."


# Beginnings of secrets that lead nowhere, or begin again and again.
PARTS = [
    *("://", "http://a:b/", "redis://:a ", "%3a%2f%2f", "@", "a@b://"),
    *("password", "token=", "'password': '", "pw: ", "pw=,", "pw=[", "token: a ", "--pw ", "auth=a&", "X-Key: a"),
    *("(b'x-key', b'", "<password>", "password='", "password:\n    |", "\\\"", "\\", "'", '"', "\n", "\r", "    "),
    *("eyJ-", "eyJaaaaa.eyJ-", "eyi-", "sk-", "ghp_", "xoxb-1", "bearer ", "digest a=", "-u a:", "x-"),
    *("-----BEGIN A ", "-----BEGIN A PRIVATE KEY", "PuTTY-User-Key-File"),
    *("key (", "key (a)=(", "duplicate entry '", "[parameters: ", "[sql: ", "[sql: ]\n", "near \"", "$1 = "),
    *("copy a", "LINE 1: '", "\nLINE 1: '", "command # 1 (acl pass ", "acl setuser modifier '", "json data, line 1: "),
    'File "a", line 1\n    x\n',
]  # fmt: skip
PAIRS = [first + second for first, second in itertools.islice(itertools.product(PARTS, PARTS), 3, None, 41)]


def work(part: str, length: int) -> float:
    """CPU time that a text of so many characters takes, the least of three."""
    text = part * (length // len(part))
    times = []
    for _ in range(3):
        began = time.thread_time()
        scrubbed(text)
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.parametrize("part", [*PARTS, *PAIRS])
def test_the_work_grows_with_the_length_of_a_text_and_no_faster_however_it_is_made(part: str) -> None:
    # Eight times as long: 64 times the work if it were quadratic. Below a millisecond the clock says little.
    assert work(part, 48_000) < 24 * max(work(part, 6_000), 0.001)
