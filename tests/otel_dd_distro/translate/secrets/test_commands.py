from __future__ import annotations

import pytest

from otel_dd_distro.translate.secrets import without_values


@pytest.mark.parametrize(
    ("command", "summary", "expected"),
    [
        ("GET tea", "", "GET tea"),
        ("SET tea S3CRET", "", "SET tea ?"),
        ("set tea S3CRET EX 5", "", "set tea ?"),
        ("HSET tea a S3CRET b S3CRET", "", "HSET tea ?"),
        ("MSET a S3CRET b S3CRET", "", "MSET ?"),
        ("AUTH S3CRET", "", "AUTH ?"),
        ("EVAL S3CRET 0", "", "EVAL ?"),
        ("UNKNOWN S3CRET", "", "UNKNOWN ?"),
        ("PING", "", "PING"),
        ("", "", ""),
        ("SET tea a\nGET S3CRET", "", "SET tea ?"),
        ("SET tea a\nGET S3CRET", "SET", "SET ?"),
        ("SET tea S3CRET\nGET tea", "SET GET", "SET ?\nGET ?"),
    ],
)
def test_a_command_is_shown_without_its_values(command: str, summary: str, expected: str) -> None:
    assert without_values(command, summary) == expected
