"""Statements for Cassandra."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

SELECT = {
    "db.system.name": "cassandra",
    "db.namespace": "TeaHouse",
    "db.driver.call": "execute",
    "db.query.text": "SELECT name FROM teas WHERE id = %s",
    "db.row_count": 4,
    "cassandra.cluster.name": "test",
    "cassandra.consistency_level": 4,
    "cassandra.page.number": 2,
    "cassandra.result.paginated": True,
    "server.address": "db.example",
    "server.port": 9042,
}
BATCH = {
    "db.system.name": "cassandra",
    "db.driver.call": "batch",
    "db.query.text": "INSERT INTO teas (id) VALUES (?)",
    "db.operation.batch.size": 2,
    "db.row_count": 0,
    "cassandra.result.paginated": False,
    "server.port": 9042,
}


def translated(attributes: dict[str, Any], **variables: str) -> dict[str, Any]:
    made = ours("cassandra", attributes, kind=SpanKind.CLIENT)
    [entry] = Translator(settings.read(variables, argv=["-"])).chunk(chunk(made), native_events=True)
    return entry


def own(entry: dict[str, Any]) -> dict[str, Any]:
    """Without what every local root has."""
    common = {"_dd.p.tid", "_dd.p.dm", "_dd.tags.process", "language", "runtime-id", "_dd.base_service"}
    numbers = {"_dd.top_level", "process_id", "_sampling_priority_v1"}
    return {
        **{key: value for key, value in entry["meta"].items() if key not in common},
        **{key: value for key, value in entry["metrics"].items() if key not in numbers},
    }


def test_a_page_of_a_statement() -> None:
    entry = translated(SELECT)
    fields = [entry[key] for key in ("name", "resource", "type", "service")]
    assert fields == ["cassandra.query", "SELECT name FROM teas WHERE id = %s", "cassandra", "cassandra"]
    assert own(entry) == {
        "_dd.measured": 1,
        "_dd.svc_src": "cassandra",
        "cassandra.cluster": "test",
        "cassandra.consistency_level": 4,
        "cassandra.keyspace": "teahouse",
        "cassandra.page_number": 2,
        "cassandra.paginated": "True",
        "component": "cassandra",
        "db.row_count": 4,
        "db.system": "cassandra",
        "network.destination.port": 9042,
        "out.host": "db.example",
        "server.address": "db.example",
        "span.kind": "client",
    }


def test_a_batch() -> None:
    entry = translated(BATCH)
    assert (entry["name"], entry["resource"]) == ("cassandra.query", "BatchStatement")
    assert own(entry) == {
        "_dd.measured": 1,
        "_dd.svc_src": "cassandra",
        "cassandra.batch_size": 2,
        "cassandra.paginated": "False",
        "cassandra.query": "INSERT INTO teas (id) VALUES (?)",
        "component": "cassandra",
        "db.row_count": 0,
        "db.system": "cassandra",
        "network.destination.port": 9042,
        "span.kind": "client",
    }


def test_what_is_no_statement_that_we_know() -> None:
    assert translated({"db.driver.call": "execute"})["resource"] == "unknown-query-type"
