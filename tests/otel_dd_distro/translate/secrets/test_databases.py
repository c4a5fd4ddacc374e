"""What the errors of databases quote: S3CRET is a value of the application."""

from __future__ import annotations

import pytest

from otel_dd_distro.translate.secrets import scrubbed
from otel_dd_distro.translate.secrets.databases import parameters_in


@pytest.mark.parametrize(
    "text",
    [
        # PostgreSQL and those that speak its protocol
        "DETAIL:  Key (email)=(S3CRET) already exists.",
        "DETAIL:  Key (a, lower(b))=(S3CRET) already exists.",
        'DETAIL:  Key (a)=(S3CRET) is not present in table "t".',
        'DETAIL:  Key (a)=(S3CRET) is still referenced from table "t".',
        "DETAIL:  Key (a)=(S3CRET) conflicts with existing key (a)=(S3CRET).",
        'null value in column "b"\nDETAIL:  Failing row contains (S3CRET\nCONTEXT:  x',
        'invalid input syntax for type integer: "S3CRET"\nLINE 1: select $1',
        'invalid input syntax for type uuid: "S3CRET"',
        'invalid input value for enum mood: "S3CRET"',
        'date/time field value out of range: "S3CRET"',
        'value "S3CRET" is out of range for type integer',
        'malformed array literal: "S3CRET"\nDETAIL:  x',
        "invalid input syntax for type json\nCONTEXT:  JSON data, line 1: S3CRET",
        "CONTEXT:  COPY t, line 1, column a: S3CRET",
        "CONTEXT:  unnamed portal with parameters: $1 = S3CRET",
        "invalid input for query argument $1: S3CRET",
        'syntax error at or near "x"\nLINE 1: ...S3CRET\n     ^',
        # MySQL and MariaDB
        "(1062, \"Duplicate entry 'S3CRET' for key 'users.email'\")",
        "(1366, \"Incorrect integer value: 'S3CRET' for column 'a' at row 1\")",
        "1292 (22007): Truncated incorrect DOUBLE value: 'S3CRET'",
        # others
        "Cannot insert duplicate key. The duplicate key value is (S3CRET).",
        "Conversion failed when converting the varchar value 'S3CRET' to data type int.",
        "row with column values (S3CRET) already exists",
        "E11000 duplicate key error index: e dup key: {S3CRET}",
        "duplicate key error, full error: {'code': 11000, 'keyPattern': {'e': 1}, 'keyValue': {S3CRET}}",
        "ERR unknown command 'x', with args beginning with: S3CRET",
        "Command # 1 (AUTH S3CRET) of pipeline caused error: no",
        "Command # 12 (CONFIG SET requirepass S3CRET) of pipeline caused error: syntax error",
        "ERR Error in ACL SETUSER modifier 'S3CRET': Syntax error",
        # SQLAlchemy
        "(x) failed: t.a\n[SQL: insert into t values (:a)]\n[parameters: S3CRET]\n(Background on this error at: x)",
        "[SQL: insert into t values (:a)]\n[parameters: S3CRET]",
        "ValueError: x\\n[parameters: S3CRET]\\n(Background on this error at: x)",
        "Traceback\n[parameters: S3CRET]\nmore",
        "INFO [generated in 0.00012s] S3CRET",
    ],
)
def test_a_value_that_is_quoted_is_taken_out(text: str) -> None:
    assert scrubbed(text) == text.replace("S3CRET", "<redacted>")


@pytest.mark.parametrize("value", ["a) S3CRET", 'a" S3CRET', "a' S3CRET", "a]\nS3CRET", "(a, (S3CRET))", "[S3CRET]"])
@pytest.mark.parametrize(
    "text",
    [
        "DETAIL:  Key (email)=({}) already exists.",
        "DETAIL:  Failing row contains ({}).",
        'invalid input syntax for type integer: "{}"',
        "Duplicate entry '{}' for key 'users.email'",
        "[SQL: insert into t values (?)]\n[parameters: {}]\n(Background on this error at: x)",
    ],
)
def test_no_sign_in_a_value_ends_it_too_early(text: str, value: str) -> None:
    if "\n" not in value or "SQL" in text or "Key" in text:
        assert "S3CRET" not in scrubbed(text.format(value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LINE 1: insert into t values ('S3CRET')\n   ^", "LINE 1: insert into t values (?)\n   ^"),
        ("right syntax to use near ''S3CRET' at line 1", "right syntax to use near '?' at line 1"),
        ('unrecognized token: "\'S3CRET"', 'unrecognized token: "?"'),
        ("[SQL: select 'S3CRET' from t]", "[SQL: select ? from t]"),
        (
            "[SQL: select a[1]\nfrom t where a='S3CRET']\n(Background on x)",
            "[SQL: select a[?]\nfrom t where a=?]\n(Background on x)",
        ),
    ],
)
def test_a_statement_that_is_quoted_keeps_its_names(text: str, expected: str) -> None:
    assert scrubbed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'syntax error at or near "from"',
        'near "from": syntax error',
        'unrecognized token: "x"',
        'duplicate key value violates unique constraint "users_email_key"',
        "Command # 1 (SET tea authentic) of pipeline caused error: no",
        "(1054, \"Unknown column 'a' in 'field list'\")",
        "line 5: expected 'x'",
    ],
)
def test_names_that_are_quoted_stay(text: str) -> None:
    assert scrubbed(text) == text


def test_the_parameters_of_a_statement_are_found_in_its_error() -> None:
    assert list(parameters_in("x\n[parameters: ('a', [1])]\n(Background on x)")) == ["('a', [1])"]
    assert list(parameters_in("x")) == []
