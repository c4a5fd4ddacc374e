"""What is a secret by its look. The tokens are put together here, lest a scanner take them for real ones."""

from __future__ import annotations

import pytest

from otel_dd_distro.translate.secrets import scrubbed
from otel_dd_distro.translate.secrets.tokens import SHORTEST


@pytest.mark.parametrize("beginning", SHORTEST)
def test_a_token_is_told_by_its_beginning(beginning: str) -> None:
    token = beginning + ("1Ab" * 20)[: SHORTEST[beginning]]
    for before, after in (("", ""), ("login with ", " failed"), ("a='", "'"), ("x=%3D", ""), ("a\\n", ""), ("(", ")")):
        assert scrubbed(f"{before}{token}{after}") == f"{before}<redacted>{after}"
    assert scrubbed(beginning) == beginning
    assert scrubbed(f"a{token}") == f"a{token}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bad eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI.S3CRET here", "bad <redacted> here"),
        ("eyJhbGciOiJSU0EifQ.S3CRETa.bbbbbbbb.cccccc.dddddd", "<redacted>"),
        ("refused: bearer S3CRETabc", "refused: bearer <redacted>"),
        ("Basic%20S3CRETabc", "Basic%20<redacted>"),
        ('Digest username="x", response="S3CRET"', "Digest <redacted>"),
        ("curl -u bob:S3CRET http://x", "curl -u bob:<redacted> http://x"),
        ("['curl', '--user', 'bob:S3CRET']", "['curl', '--user', 'bob:<redacted>']"),
        ("https://hooks.slack.com/services/T0/B0/S3CRET", "https://hooks.slack.com/services/<redacted>"),
        ("https://api.telegram.org/bot1:S3CRET/getMe", "https://api.telegram.org/bot<redacted>"),
    ],
)
def test_other_credentials_that_give_themselves_away(text: str, expected: str) -> None:
    assert scrubbed(text) == expected


@pytest.mark.parametrize(
    "key",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nS3CRET\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\\nS3CRET\\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,X\nDEK-Info: A-B,C\n\nS3CRET\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: x - y\n\nS3CRET\n-----END PGP PRIVATE KEY BLOCK-----",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: x\nS3CRET\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
        "-----BEGIN+PRIVATE+KEY-----S3CRET-----END+PRIVATE+KEY-----",
        "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nS3CRET\nPrivate-MAC: 0a1b",
    ],
)
def test_a_private_key_goes_with_its_borders(key: str) -> None:
    assert scrubbed(f"cannot read {key} now") == "cannot read <redacted> now"


def test_a_private_key_without_an_end_goes_with_the_rest_of_the_text() -> None:
    assert scrubbed("a -----BEGIN PRIVATE KEY-----\nS3CRET\nmore") == "a <redacted>"


@pytest.mark.parametrize("text", ["basic authentication", "Bearer authentication", "a public key: x", "task-1", "-u x"])
def test_words_are_none(text: str) -> None:
    assert scrubbed(text) == text
