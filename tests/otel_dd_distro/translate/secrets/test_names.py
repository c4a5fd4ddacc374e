from __future__ import annotations

import pytest

from otel_dd_distro.translate.secrets.names import LONGEST, PARTS, is_secret


@pytest.mark.parametrize(
    "name",
    [
        *("password", "PASSWORD", "Password2", "passwd", "pwd", "pass", "DB_PASS", "db-pass", "dbPass", "newPwd"),
        *("PGPASSWORD", "MYSQL_PWD", "password_confirmation", "old_password", "passphrase", "pass_phrase"),
        *("secret", "client_secret", "clientSecret", "SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "aws_session_token"),
        *("token", "accessToken", "csrfmiddlewaretoken", "refresh-token", "X-Amz-Security-Token"),
        *("api_key", "apikey", "Api-Key", "AWSAccessKeyId", "private_key", "AccountKey", "encryption_key"),
        *("authorization", "Proxy-Authorization", "auth", "oauth", "cookie", "Set-Cookie", "sessionid", "PHPSESSID"),
        *("X-Hub-Signature-256", "x-goog-api-key", "sig", "signature", "Signed", "sas", "creds", "credentials", "jwt"),
        *("Ocp-Apim-Subscription-Key", "X-Session-Id", "consumer_key", "spring.datasource.password"),
    ],
)
def test_names_of_secrets_in_any_spelling(name: str) -> None:
    assert is_secret(name)
    assert any(part in name.lower() for part in PARTS)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "key",
            "KeyError",
            "primary_key",
            "monkey",
            "user",
            "passed",
            "bypass",
            "compass",
            "design",
            "signal",
            "author",
        ),
        *("authenticated", "token_type", "max_tokens", "session", "secretary", "password_policy", "InvalidTokenError"),
    ],
)
def test_names_that_only_look_alike(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize("name", ["token" + "1" * (LONGEST - 6) + "x", "x" * LONGEST, "token_" * 10, "1_" * 32])
def test_a_name_of_any_make_is_judged_at_once(name: str) -> None:
    is_secret(name)  # a name that is looked at again and again for each of its signs would not end
