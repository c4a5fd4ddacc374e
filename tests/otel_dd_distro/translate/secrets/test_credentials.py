"""User and password in a URL: S3CRET is the last of it, or of a part of it."""

from __future__ import annotations

import pytest

from otel_dd_distro.translate.secrets import scrubbed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connect to https://u:S3CRET@h/x failed", "connect to https://<redacted>@h/x failed"),
        ("git clone https://S3CRET@h/x", "git clone https://<redacted>@h/x"),
        ("https://a:S3CRET@h/x and https://b:S3CRET@i/x", "https://<redacted>@h/x and https://<redacted>@i/x"),
        ("https://u:p@S3CRET@h/x", "https://<redacted>@h/x"),
        ("https://u:a/S3CRET@h/x", "https://<redacted>@h/x"),
        ("https://u:a#S3CRET@h/x", "https://<redacted>@h/x"),
        ("postgresql://u:a/b?c#S3CRET@h/d", "postgresql://<redacted>@h/d"),
        ("postgresql://u:12/S3CRET@h/d", "postgresql://<redacted>@h/d"),
        ("redis://:a'S3CRET@h/0", "redis://<redacted>@h/0"),
        ("'mysql+pymysql://u:it\\'S3CRET@h/d'", "'mysql+pymysql://<redacted>@h/d'"),
        ("redis://:a S3CRET@h/0", "redis://<redacted>@h/0"),
        ("mongodb+srv://u:S3CRET@h1:1,h2:2/d?a=b", "mongodb+srv://<redacted>@h1:1,h2:2/d?a=b"),
        ("redis://:S3CRET@h/0,redis://:S3CRET@i/0", "redis://<redacted>@h/0,redis://<redacted>@i/0"),
        ("('redis://:S3CRET@h/0', 'a@b')", "('redis://<redacted>@h/0', 'a@b')"),
        ("to=https%3A%2F%2Fu%3AS3CRET%40h%2F", "to=https%3A%2F%2F<redacted>%40h%2F"),
    ],
)
def test_what_stands_before_the_host_is_taken_out(text: str, expected: str) -> None:
    assert scrubbed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/a@b?x=1",
        "https://example.com:8080/users/a@b.example",
        "http://[::1]:80/a@b",
        "s3://bucket/path@v1",
        "see https://example.com, or write to a@b.example",
        "mail to someone@example.com bounced",
        "://",
    ],
)
def test_other_signs_in_a_url_are_none(text: str) -> None:
    assert scrubbed(text) == text
