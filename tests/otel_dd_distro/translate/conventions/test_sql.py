"""Statements and transactions of the database plugins, by Datadog's names."""

from __future__ import annotations

from typing import Any

import pytest

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

CONNECTION = {"db.namespace": "shop", "server.address": "db.example", "server.port": 5433, "db.user": "till"}
BOOKKEEPING = ("_dd.", "runtime-id", "language")


def translated(plugin: str, attributes: dict[str, Any], **variables: str) -> dict[str, Any]:
    read = settings.read({"DD_SERVICE": "bookshop", **variables}, argv=["-"])
    [entry] = Translator(read).chunk(chunk(ours(plugin, attributes)), native_events=True)
    entry["meta"] = {key: value for key, value in entry["meta"].items() if not key.startswith(BOOKKEEPING)}
    entry["metrics"] = {key: entry["metrics"].get(key) for key in ("db.row_count", "network.destination.port")}
    return {key: entry[key] for key in ("name", "service", "resource", "meta", "metrics")} | {"type": entry.get("type")}


def query(system: str, **more: Any) -> dict[str, Any]:
    return {
        "db.system.name": system,
        "db.driver.call": "execute",
        "db.query.text": "SELECT 1",
        "db.row_count": 1,
        **CONNECTION,
        **more,
    }


@pytest.mark.parametrize(
    ("plugin", "system", "component", "name", "service"),
    [
        ("aiomysql", "mysql", "aiomysql", "mysql.query", "mysql"),
        ("aiopg", "postgresql", "aiopg", "postgres.query", "postgres"),
        ("asyncmy", "mysql", "asyncmy", "mysql.query", "mysql"),
        ("psycopg", "postgresql", "psycopg", "postgres.query", "postgres"),
        ("mysqldb", "mysql", "mysqldb", "mysql.query", "mysql"),
        ("mysql_connector", "mysql", "mysql", "mysql.query", "mysql"),
        ("pymysql", "mysql", "pymysql", "pymysql.query", "pymysql"),
        ("vertica", "vertica", "vertica", "vertica.query", "vertica"),
    ],
)
def test_a_statement_of_a_driver(plugin: str, system: str, component: str, name: str, service: str) -> None:
    assert translated(plugin, query(system)) == {
        "name": name,
        "service": service,
        "resource": "SELECT 1",
        "type": "sql",
        "meta": {
            "component": component,
            "span.kind": "client",
            "db.system": system,
            "db.name": "shop",
            "db.user": "till",
            "out.host": "db.example",
            "server.address": "db.example",
        },
        "metrics": {"db.row_count": 1, "network.destination.port": 5433},
    }


@pytest.mark.parametrize(
    ("system", "vendor"),
    [
        ("postgresql", "postgres"),
        ("mysql", "mysql"),
        ("sqlite", "sqlite"),
        ("microsoft.sql_server", "mssql"),
        ("oracle.db", "oracle"),
        ("cockroachdb", "cockroachdb"),
    ],
)
def test_a_statement_of_sqlalchemys_is_by_the_name_of_the_database(system: str, vendor: str) -> None:
    attributes = query(system)
    del attributes["db.user"]
    entry = translated("sqlalchemy", attributes)
    assert (entry["name"], entry["service"], entry["type"]) == (f"{vendor}.query", vendor, "sql")
    assert entry["meta"] == {
        "component": "sqlalchemy",
        "span.kind": "client",
        "sql.db": "shop",
        "out.host": "db.example",
        "server.address": "db.example",
    }


@pytest.mark.parametrize(
    ("plugin", "call", "name"),
    [
        ("psycopg", "commit", "postgres.connection.commit"),
        ("psycopg", "psycopg.rollback", "psycopg.connection.rollback"),
        ("mysqldb", "rollback", "MySQLdb.connection.rollback"),
        ("mysql_connector", "commit", "mysql.connection.commit"),
        ("pymysql", "commit", "pymysql.connection.commit"),
        ("sqlite3", "commit", "sqlite.connection.commit"),
    ],
)
def test_the_end_of_a_transaction_is_named_by_the_drivers_connection(plugin: str, call: str, name: str) -> None:
    entry = translated(plugin, {"db.system.name": "x", "db.driver.call": call, **CONNECTION})
    assert (entry["name"], entry["resource"], entry["type"]) == (name, name, None)
    assert entry["meta"]["out.host"] == "db.example"
    assert entry["metrics"] == {"db.row_count": None, "network.destination.port": 5433}


def test_many_rows_are_told_apart_and_an_unknown_count_is_minus_one() -> None:
    attributes = query("postgresql", **{"db.driver.call": "executemany"})
    del attributes["db.row_count"]
    entry = translated("psycopg", attributes)
    assert entry["meta"]["sql.executemany"] == "true"
    assert entry["metrics"]["db.row_count"] == -1


def test_what_an_application_calls_itself_is_a_tag_of_psycopgs() -> None:
    entry = translated("psycopg", query("postgresql", **{"db.client.name": "till 7"}))
    assert entry["meta"]["db.application"] == "till 7"


@pytest.mark.parametrize(
    ("plugin", "system", "name"),
    [
        ("psycopg", "postgresql", "postgresql.query"),
        ("mysqldb", "mysql", "mysql.query"),
        ("sqlalchemy", "postgresql", "postgresql.query"),
    ],
)
def test_schema_v1_names_statements_by_the_database_and_all_services_alike(plugin: str, system: str, name: str) -> None:
    entry = translated(plugin, query(system), DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")
    assert (entry["name"], entry["service"]) == (name, "bookshop")


def test_a_user_names_the_service_of_a_driver() -> None:
    assert translated("psycopg", query("postgresql"), DD_PSYCOPG_SERVICE="books-db")["service"] == "books-db"
    assert translated("sqlalchemy", query("mysql"), DD_SERVICE_MAPPING="mysql:books-db")["service"] == "books-db"


@pytest.mark.parametrize(
    ("call", "text", "resource", "rows"),
    [
        ("copy", "COPY teas FROM STDIN", "COPY teas FROM STDIN", None),
        ("fetchone", None, "vertica.fetchone", -1),
        ("fetchall", None, "vertica.fetchall", -1),
        ("nextset", None, "vertica.nextset", -1),
    ],
)
def test_verticas_copies_and_fetches_are_operations_of_their_own(
    call: str, text: str | None, resource: str, rows: int | None
) -> None:
    attributes = {"db.system.name": "vertica", "db.driver.call": call, **({"db.query.text": text} if text else {})}
    entry = translated("vertica", attributes)
    assert (entry["name"], entry["resource"], entry["type"]) == (f"vertica.{call}", resource, "sql")
    assert entry["metrics"]["db.row_count"] == rows


@pytest.mark.parametrize(
    ("plugin", "system", "name"),
    [
        ("psycopg", "postgresql", "postgres.query"),
        ("mysqldb", "mysql", "mysql.query"),
        ("mysql_connector", "mysql", "mysql.query"),
        ("sqlite3", "sqlite", "sqlite.query"),
    ],
)
@pytest.mark.parametrize("call", ["fetchone", "fetchmany", "fetchall"])
def test_a_fetch_is_named_after_its_statement_and_not_measured(plugin: str, system: str, name: str, call: str) -> None:
    attributes = query(system, **{"db.driver.call": call, "db.fetch.size": 7})
    (entry,) = Translator(settings.read({}, argv=["-"])).chunk(chunk(ours(plugin, attributes)), native_events=True)
    assert (entry["name"], entry["resource"], entry["type"]) == (f"{name}.{call}", "SELECT 1", "sql")
    assert (entry["metrics"]["db.fetch.size"], entry["metrics"]["db.row_count"]) == (7, 1)
    assert "_dd.measured" not in entry["metrics"]


def test_a_fetch_in_schema_v1_is_named_after_its_statement_too() -> None:
    attributes = query("postgresql", **{"db.driver.call": "fetchone"})
    told = translated("psycopg", attributes, DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")
    assert told["name"] == "postgresql.query.fetchone"


@pytest.mark.parametrize(
    ("plugin", "call", "name", "meta"),
    [
        ("psycopg", "connect", "psycopg2.connect", {"component": "psycopg", "db.system": "postgresql"}),
        (
            "psycopg",
            "psycopg.connect",
            "psycopg.connection.connect",
            {"component": "psycopg", "db.system": "postgresql"},
        ),
        (
            "psycopg",
            "psycopg.AsyncConnection.connect",
            "psycopg.connection_async.connect",
            {"component": "psycopg", "db.system": "postgresql"},
        ),
        ("mysqldb", "connect", "MySQLdb.connection.connect", {"component": "mysqldb"}),
    ],
)
def test_a_connection_that_is_made(plugin: str, call: str, name: str, meta: dict[str, str]) -> None:
    system = "mysql" if plugin == "mysqldb" else "postgresql"
    told = translated(plugin, {"db.system.name": system, "db.driver.call": call})
    assert (told["name"], told["resource"], told["type"]) == (name, name, "sql")
    assert {key: told["meta"].get(key) for key in ("component", "db.system")} == {"db.system": None, **meta}


def test_a_statement_of_asyncpg_has_no_count_of_rows_and_connecting_is_an_operation() -> None:
    attributes = query("postgresql", **{"db.driver.call": "bind_execute"})
    del attributes["db.row_count"]
    entry = translated("asyncpg", attributes)
    assert (entry["name"], entry["service"], entry["resource"]) == ("postgres.query", "postgres", "SELECT 1")
    assert entry["metrics"] == {"db.row_count": None, "network.destination.port": 5433}
    entry = translated("asyncpg", {"db.system.name": "postgresql", "db.driver.call": "connect", **CONNECTION})
    assert (entry["name"], entry["resource"], entry["type"]) == ("postgres.connect", "postgres.connect", "sql")
    assert entry["meta"]["out.host"] == "db.example"
