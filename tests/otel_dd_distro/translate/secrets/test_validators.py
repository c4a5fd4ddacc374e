"""What pydantic shows of an input that is not valid: S3CRET is what the user has sent."""

from __future__ import annotations

from typing import Any

import pytest

from otel_dd_distro.translate.secrets import scrubbed


def error(model: str, given: dict[str, Any]) -> Exception:
    from pydantic import BaseModel, ValidationError

    class Login(BaseModel):
        password: int = 0
        token: list[int] = []
        user: int = 0

    class Account(BaseModel):
        credentials: Login

    with pytest.raises(ValidationError) as caught:
        {"Login": Login, "Account": Account}[model].model_validate(given)
    return caught.value


@pytest.mark.parametrize("shown", [str, repr])
@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("Login", {"password": "S3CRET"}),
        ("Login", {"password": "a, S3CRET', input"}),
        ("Login", {"password": ["S3CRET"]}),
        ("Login", {"token": [1, "S3CRET"]}),
        ("Login", {"password": "S3CRET", "user": "ann", "token": ["S3CRET"]}),
        ("Account", {"credentials": {"password": "S3CRET"}}),
        ("Account", {"credentials": "S3CRET"}),
    ],
)
def test_the_input_of_a_field_with_a_secrets_name_is_taken_out(model: str, given: dict[str, Any], shown: Any) -> None:
    text = shown(error(model, given))
    assert "S3CRET" in text
    assert "S3CRET" not in scrubbed(text)
    assert scrubbed(repr(text)).count("<redacted>") == scrubbed(text).count("<redacted>")


def test_the_input_of_another_field_stays() -> None:
    text = str(error("Login", {"user": "ann"}))
    assert scrubbed(text) == text
    assert "'ann'" in text
