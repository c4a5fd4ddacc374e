"""Single connections: of a driver in C, which another object stands for, and of drivers in Python."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from otel_instrumentors.mysqldb import MysqldbInstrumentor
from otel_instrumentors.psycopg import PsycopgInstrumentor
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented, names


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:")
    yield made
    made.close()


def use(connection: Any) -> list[Any]:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS tea (name)")
    connection.execute("INSERT INTO tea VALUES (?)", ["green"])
    connection.commit()
    rows = connection.execute("SELECT name FROM tea").fetchall()
    connection.rollback()
    return list(rows)


USED = ["COMMIT", "CREATE", "INSERT", "ROLLBACK", "SELECT"]


def test_a_connection_in_c_is_stood_for_and_others_are_left_alone(
    connection: sqlite3.Connection, recorder: Recorder
) -> None:
    watched = Sqlite3Instrumentor.instrument_connection(connection, tracer_provider=recorder.provider)
    assert use(watched) == [("green",)]
    assert names(recorder.take()) == USED
    assert isinstance(watched, sqlite3.Connection)
    with watched:
        pass
    assert Sqlite3Instrumentor().instrument_connection(watched) is watched
    use(connection)
    assert recorder.take() == []
    assert Sqlite3Instrumentor().uninstrument_connection(watched) is connection


def test_a_connection_that_tells_of_itself_already_is_no_other_object(recorder: Recorder) -> None:
    with instrumented(Sqlite3Instrumentor, recorder.provider):
        made = sqlite3.connect(":memory:")
        watched = Sqlite3Instrumentor.instrument_connection(made, tracer_provider=recorder.provider)
        assert watched is made
        use(watched)
        made.close()
    assert names(recorder.take()) == USED


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "MySQLdb"])
def test_a_connection_of_each_driver_can_be_instrumented_alone(
    driver: str, recorder: Recorder, postgresql: str, mariadb: str
) -> None:
    instrumentor: Any = MysqldbInstrumentor if driver == "MySQLdb" else PsycopgInstrumentor
    connect = {"psycopg": _psycopg, "psycopg2": _psycopg2, "MySQLdb": _mysqldb}[driver]
    url = mariadb if driver == "MySQLdb" else postgresql
    one, other = connect(url), connect(url)
    watched = instrumentor.instrument_connection(one, tracer_provider=recorder.provider, enable_commenter=True)
    for connection in (watched, other):
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        assert tuple(cursor.fetchone()) == (1,)
        connection.commit()
    assert names(recorder.take()) == ["COMMIT", "SELECT"]
    assert instrumentor.uninstrument_connection(watched) is one
    one.cursor().execute("SELECT 1")
    one.close()
    other.close()
    assert recorder.take() == []


def _psycopg(url: str) -> Any:
    import psycopg

    return psycopg.connect(url)


def _psycopg2(url: str) -> Any:
    import psycopg2

    return psycopg2.connect(url)


def _mysqldb(url: str) -> Any:
    from urllib.parse import urlsplit

    import MySQLdb

    parts = urlsplit(url)
    return MySQLdb.connect(host=parts.hostname, port=parts.port, user=parts.username, db=parts.path.lstrip("/"))
