"""What is taken out of the texts of errors, and what stays. The planted corpus is in tests/otel_dd_distro/secrets."""

from __future__ import annotations

import time

import pytest

from otel_dd_distro.translate.secrets.scrubber import LONGEST_TEXT, scrubbed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connect to https://u:p@h/x failed", "connect to https://<redacted>@h/x failed"),
        ("url: /x?token=abc&a=1 (Caused by X)", "url: /x?token=<redacted>&a=1 (Caused by X)"),
        ("{'password': 'a b', 'user': 'c'}", "{'password': '<redacted>', 'user': 'c'}"),
        ("Authorization: Bearer abc", "Authorization: <redacted>"),
        ("password='a b', user=c", "password=<redacted>, user=c"),
        ("AccountKey=abc==;EndpointSuffix=x", "AccountKey=<redacted>;EndpointSuffix=x"),
        (
            "Command # 1 (AUTH alice hunter2) of pipeline caused error: no",
            "Command # 1 (AUTH <redacted>) of pipeline caused error: no",
        ),
        (
            "Command # 12 (CONFIG SET requirepass a b) c) of pipeline caused error: syntax error",
            "Command # 12 (CONFIG SET requirepass <redacted>) of pipeline caused error: syntax error",
        ),
        (
            "ERR Error in ACL SETUSER modifier '>it's': Syntax error",
            "ERR Error in ACL SETUSER modifier '<redacted>': Syntax error",
        ),
    ],
)
def test_credentials_are_taken_out(text: str, expected: str) -> None:
    assert scrubbed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no such table: users",
        'unrecognized token: "x"',
        "unexpected token: foo",
        "authentication failed for user 'app'",
        "Command # 1 (SET tea authentic) of pipeline caused error: no",
        "KeyError: 'key'",
        "mail to someone@example.com bounced",
        "https://example.com/a@b?x=1",
        "invalid literal for int() with base 10: 'abc'",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert scrubbed(text) == text


def test_source_lines_of_a_traceback_stay_readable() -> None:
    stack = (
        "Traceback (most recent call last):\n"
        '  File "app.py", line 1, in <module>\n'
        '    connect(token=token, url="https://u:p@h/")\n'
        "ValueError: token=abc\n"
    )
    assert scrubbed(stack) == stack.replace("u:p@h", "<redacted>@h").replace("token=abc", "token=<redacted>")


HOSTILE = ["://", "password", "'password': '", "eyj-", "eyjaaaaa.eyj-", "token=", "-----BEGIN A ", "bearer ", "x-", "@"]


@pytest.mark.parametrize("part", HOSTILE)
def test_no_text_takes_long_however_it_is_made(part: str) -> None:
    began = time.perf_counter()
    assert len(scrubbed(part * (2 * LONGEST_TEXT // len(part)))) <= 2 * LONGEST_TEXT
    assert time.perf_counter() - began < 1.0
