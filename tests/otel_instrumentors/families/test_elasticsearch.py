"""What is shown of bodies. What is sent is seen in the tests of Elasticsearch and OpenSearch."""

from __future__ import annotations

from typing import Any

import pytest

from otel_instrumentors.families.elasticsearch import without_values


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"query": {"match": {"name": "green"}}}, '{"query":{"match":{"name":"?"}}}'),
        ({"ids": ["1", 2, None]}, '{"ids":["?","?","?"]}'),
        ([{"index": {"_id": 1}}, {"größe": 2.5}], '[{"index":{"_id":"?"}},{"größe":"?"}]'),
        ({1: {"a": ()}}, '{"1":{"a":[]}}'),
        ({}, "{}"),
        ('{"query": "secret"}', "?"),
        (b"{}\n", "?"),
        (object(), '"?"'),
    ],
)
def test_each_value_of_a_body_is_a_question_mark(body: Any, shown: str) -> None:
    assert without_values(body) == shown


def test_a_large_body_is_cut() -> None:
    assert without_values([{"name": number} for number in range(100_000)]).count("name") <= 1_000
    assert len(without_values({"long " * 10_000: 1})) == 25_000
    endless: list[Any] = []
    endless.append(endless)
    assert without_values(endless).count("[") < 100
