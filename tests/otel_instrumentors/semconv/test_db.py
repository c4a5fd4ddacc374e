"""Statements and connections in the vocabulary of databases."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_instrumentors.semconv import db


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("select 1", "SELECT"),
        ("\n\tInsert into t values (1)", "INSERT"),
        ("commit", "COMMIT"),
        ("-- why\nselect 1", "postgresql"),
        ("/* why */ select 1", "postgresql"),
        ("(select 1) union (select 2)", "postgresql"),
        ("COMMIT;", "COMMIT"),
        ("begin;select 1", "BEGIN"),
        (";", "postgresql"),
        ("", "postgresql"),
        ("   ", "postgresql"),
        (None, "postgresql"),
        (5, "postgresql"),
    ],
)
def test_a_statement_is_named_by_its_first_word_or_by_its_database(text: object, name: str) -> None:
    spec = db.query("postgresql", text, "execute")
    assert (spec.name, spec.kind) == (name, SpanKind.CLIENT)
    assert (spec.attributes or {}).get("db.query.text") == (text if isinstance(text, str) else None)


@pytest.mark.parametrize(
    ("given", "attributes"),
    [
        ({}, {}),
        (
            {"namespace": "shop", "address": "db.example", "port": 5432, "user": "till"},
            {"db.namespace": "shop", "server.address": "db.example", "server.port": 5432, "db.user": "till"},
        ),
        ({"namespace": "", "address": None, "port": 5432, "user": ""}, {}),
        ({"address": "/run/postgresql", "port": None}, {"server.address": "/run/postgresql"}),
        ({"address": "db.example", "port": "5432"}, {"server.address": "db.example"}),
    ],
)
def test_of_a_connection_only_what_is_known_is_told(given: dict[str, Any], attributes: dict[str, Any]) -> None:
    assert db.connection(**given) == attributes


def test_what_is_known_of_a_connection_is_on_its_statements_and_transactions() -> None:
    known = db.connection("shop", "db.example")
    for spec in (db.query("mysql", "select 1", "execute", known), db.transaction("mysql", "commit", known=known)):
        assert (spec.attributes or {}).items() >= known.items()
    assert known == db.connection("shop", "db.example")


@pytest.mark.parametrize(("count", "told"), [(0, 0), (7, 7), (-1, None), (2**64 - 1, None), (None, None), ("7", None)])
def test_rows_are_told_where_the_driver_knows(count: object, told: int | None) -> None:
    outcome = db.rows(count)
    assert (None if outcome is None else outcome.attributes) == (None if told is None else {"db.row_count": told})
