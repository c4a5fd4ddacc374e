"""What is shown of MongoDB's filters. What is sent is seen in the tests of pymongo and MongoEngine."""

from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId
from bson.son import SON

from otel_instrumentors.families.mongodb import without_values


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"name": "green"}, '{"name": "?"}'),
        (
            {"_id": ObjectId(), "cups": 3, "cold": None, "data": b"secret"},
            '{"_id": "?", "cups": "?", "cold": "?", "data": "?"}',
        ),
        ({"cups": {"$gt": 3, "$lt": 6}}, '{"cups": {"$gt": "?", "$lt": "?"}}'),
        ({"_id": {"$in": [1, 2]}, "name": {"$nin": ["white"]}}, '{"_id": {"$in": "?"}, "name": {"$nin": "?"}}'),
        ({"$or": [{"a": 1}, {"b": {"c": 2}}]}, '{"$or": [{"a": "?"}, {"b": {"c": "?"}}]}'),
        ({"a": {"$all": ["secret", ["secret"]]}}, '{"a": {"$all": [{}, [{}]]}}'),
        ({"$query": SON(a="secret"), "$orderby": SON(b=1)}, '{"$query": {"a": "?"}, "$orderby": {"b": "?"}}'),
        ({"größe": 1}, '{"gr\\u00f6\\u00dfe": "?"}'),
        ({}, "{}"),
    ],
)
def test_each_value_is_a_question_mark(query: Any, shown: str) -> None:
    assert without_values(query) == shown


def test_a_filter_of_many_parts_is_cut() -> None:
    assert without_values({"$or": [{"a": number} for number in range(100_000)]}).count("?") < 1_000
    assert without_values({f"key {number}": number for number in range(100_000)}).count("?") == 1_000


def test_a_filter_that_contains_itself_comes_to_an_end() -> None:
    query: dict[str, Any] = {"name": "green"}
    query["$and"] = query
    assert without_values(query).count("$and") < 100
