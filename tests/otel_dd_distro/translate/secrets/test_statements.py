from __future__ import annotations

import pytest

from otel_dd_distro.translate.secrets import literals_of, scrubbed, without_literals


def test_the_literals_of_a_failed_statement_are_taken_out_of_its_error() -> None:
    literals = literals_of(["insert into t values ('it''s', 123456, 'x', 7)"])
    assert literals == ["123456", "it''s", "it's"]
    assert scrubbed("near \"'it''s'\": it's 123456", literals) == "near \"'?'\": ? ?"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select 1", "select ?"),
        ("select 'it''s', -1.5e3, a1 from t2", "select ?, ?, a1 from t2"),
        ("select $1, ?2, :p3, @v4", "select $1, ?2, :p3, @v4"),
        ("select 'open", "select ?"),
        ('select "Name" from x.y', 'select "Name" from x.y'),
    ],
)
def test_a_statement_without_its_literals(statement: str, expected: str) -> None:
    assert without_literals(statement) == expected
