"""Spans for rows that are fetched and for connections that are made, on real servers."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.kernel.switch import PREFIX
from otel_instrumentors.mysql_connector import MysqlConnectorInstrumentor
from otel_instrumentors.mysqldb import MysqldbInstrumentor
from otel_instrumentors.psycopg import PsycopgInstrumentor
from otel_instrumentors.pymysql import PymysqlInstrumentor
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented

FIVE = "select 1 as n union select 2 union select 3 union select 4 union select 5 order by 1"


@pytest.fixture(autouse=True)
def servers(postgresql: str, mariadb: str) -> None:
    """What connects finds them by their variables."""


def _psycopg(module: str) -> Callable[..., Any]:
    def connect(**options: Any) -> Any:
        return __import__(module).connect(os.environ["TEST_POSTGRESQL_URL"], **options)

    return connect


def _mariadb() -> dict[str, Any]:
    url = urlsplit(os.environ["TEST_MARIADB_URL"])
    return {"host": url.hostname, "port": url.port, "user": url.username, "database": url.path[1:]}


def _mysqldb(**options: Any) -> Any:
    import MySQLdb

    return MySQLdb.connect(**_mariadb(), **options)


def _pymysql(**options: Any) -> Any:
    import pymysql

    return pymysql.connect(**_mariadb(), **options)


def _mysql_connector(**options: Any) -> Any:
    import mysql.connector

    return mysql.connector.connect(**_mariadb(), use_pure=True, **options)


def _sqlite3(**options: Any) -> Any:
    return sqlite3.connect(":memory:", **options)


Driver = tuple[type[Instrumentor], str, Callable[..., Any]]
DRIVERS: dict[str, Driver] = {
    "sqlite3": (Sqlite3Instrumentor, "SQLITE3", _sqlite3),
    "psycopg": (PsycopgInstrumentor, "PSYCOPG", _psycopg("psycopg")),
    "psycopg2": (PsycopgInstrumentor, "PSYCOPG", _psycopg("psycopg2")),
    "mysqldb": (MysqldbInstrumentor, "MYSQLDB", _mysqldb),
    "pymysql": (PymysqlInstrumentor, "PYMYSQL", _pymysql),
    "mysql_connector": (MysqlConnectorInstrumentor, "MYSQL_CONNECTOR", _mysql_connector),
}
of_each_driver = pytest.mark.parametrize("name", DRIVERS)


@contextmanager
def fetching(name: str, monkeypatch: pytest.MonkeyPatch, switch: str = "FETCHES") -> Iterator[Recorder]:
    instrumentor, prefix, _ = DRIVERS[name]
    monkeypatch.setenv(f"{PREFIX}{prefix}_{switch}", "true")
    recorder = Recorder()
    with instrumented(instrumentor, recorder.provider):
        yield recorder


def told(recorder: Recorder, *keys: str) -> list[tuple[Any, ...]]:
    return [(span.name, *((span.attributes or {}).get(key) for key in keys)) for span in recorder.take()]


def rows_of(driver: str, **options: Any) -> list[Any]:
    """Fetched in all ways."""
    with closing(DRIVERS[driver][2]()) as connection, closing(connection.cursor(**options)) as cursor:
        cursor.execute(FIVE)
        return [cursor.fetchone(), *cursor.fetchmany(2), *cursor.fetchmany(), *cursor.fetchall()]


@of_each_driver
def test_each_fetch_is_a_span_with_the_statement_that_was_sent_last(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fetching(name, monkeypatch) as recorder:
        assert [tuple(row) for row in rows_of(name)] == [(1,), (2,), (3,), (4,), (5,)]
        keys = ("db.driver.call", "db.query.text", "db.fetch.size")
        assert told(recorder, *keys) == [
            ("SELECT", "execute", FIVE, None),
            ("fetchone", "fetchone", FIVE, None),
            ("fetchmany", "fetchmany", FIVE, 2),
            ("fetchmany", "fetchmany", FIVE, 1),
            ("fetchall", "fetchall", FIVE, None),
        ]


@of_each_driver
def test_unless_it_is_switched_on_a_fetch_is_none(name: str) -> None:
    recorder = Recorder()
    with instrumented(DRIVERS[name][0], recorder.provider):
        rows_of(name)
        assert told(recorder) == [("SELECT",)]


@of_each_driver
def test_a_row_that_a_loop_takes_is_no_fetch_of_the_applications(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fetching(name, monkeypatch) as recorder:
        with closing(DRIVERS[name][2]()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(FIVE)
            assert [row[0] for row in cursor] == [1, 2, 3, 4, 5]
        assert told(recorder) == [("SELECT",)]


@of_each_driver
def test_a_fetch_that_fails_is_an_error_and_raised(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fetching(name, monkeypatch) as recorder, closing(DRIVERS[name][2]()) as connection:
        cursor = connection.cursor()
        if name == "sqlite3":
            cursor.close()  # where nothing was sent it has no rows, and says so
        with pytest.raises(Exception, match=r"(?i)clos|result|execut|fetch|cursor") as raised:
            cursor.fetchall()
        (span,) = recorder.take()
        assert (span.attributes or {})["error.type"] == f"{type(raised.value).__module__}.{type(raised.value).__name__}"


@of_each_driver
def test_a_cursor_is_not_kept_for_its_statement(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fetching(name, monkeypatch), closing(DRIVERS[name][2]()) as connection:
        cursor = connection.cursor()
        cursor.execute("select 1")
        cursor.fetchall()
        kind, mark = type(cursor), id(cursor)
        cursor.close()
        del cursor
        gc.collect()
        assert mark not in [id(found) for found in gc.get_objects() if issubclass(type(found), kind)]


MYSQL_KINDS: dict[str, dict[str, bool]] = {
    "buffered": {"buffered": True},
    "raw": {"raw": True},
    "buffered and raw": {"buffered": True, "raw": True},
    "of dictionaries": {"dictionary": True},
    "buffered, of dictionaries": {"dictionary": True, "buffered": True},
    "prepared": {"prepared": True},
}


@pytest.mark.parametrize("kind", MYSQL_KINDS)
@pytest.mark.parametrize("is_on", [True, False])
def test_cursors_of_all_kinds_give_their_own_rows_with_one_span_a_fetch(
    kind: str, is_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = MYSQL_KINDS[kind]
    untraced = rows_of("mysql_connector", **options)
    assert len(untraced) == 5
    with fetching("mysql_connector", monkeypatch, "FETCHES" if is_on else "NOTHING") as recorder:
        assert rows_of("mysql_connector", **options) == untraced
        fetches = [("fetchone",), ("fetchmany",), ("fetchmany",), ("fetchall",)] if is_on else []
        assert told(recorder) == [("SELECT",), *fetches]


def test_a_cursor_that_the_server_keeps_reads_its_rows_in_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    import MySQLdb.cursors

    with fetching("mysqldb", monkeypatch) as recorder:
        assert len(rows_of("mysqldb", cursorclass=MySQLdb.cursors.SSCursor)) == 5
        assert told(recorder) == [("SELECT",), ("fetchone",), ("fetchmany",), ("fetchmany",), ("fetchall",)]
    with fetching("psycopg", monkeypatch) as recorder:
        assert len(rows_of("psycopg", name="reading")) == 5
        assert told(recorder) == [("SELECT",), ("fetchone",), ("fetchmany",), ("fetchmany",), ("fetchall",)]


def test_rows_are_fetched_asynchronously(monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    async def read() -> list[Any]:
        async with await psycopg.AsyncConnection.connect(os.environ["TEST_POSTGRESQL_URL"]) as connection:
            cursor = await connection.execute(FIVE)
            return [await cursor.fetchone(), *await cursor.fetchmany(2), *await cursor.fetchall()]

    with fetching("psycopg", monkeypatch) as recorder:
        assert len(asyncio.run(read())) == 5
        assert told(recorder, "db.query.text")[:4] == [
            ("SELECT", FIVE),
            ("fetchone", FIVE),
            ("fetchmany", FIVE),
            ("fetchall", FIVE),
        ]


def test_a_connection_that_is_instrumented_alone_tells_of_its_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}SQLITE3_FETCHES", "true")
    recorder = Recorder()
    connection = sqlite3.connect(":memory:")
    traced = Sqlite3Instrumentor.instrument_connection(connection, tracer_provider=recorder.provider)
    cursor = traced.cursor()
    cursor.execute("select 1")
    assert cursor.fetchall() == [(1,)]
    assert told(recorder, "db.query.text") == [("SELECT", "select 1"), ("fetchall", "select 1")]
    connection.close()


@pytest.mark.parametrize("name", ["psycopg", "psycopg2", "mysqldb"])
def test_a_connection_that_is_made_is_a_span_where_it_is_switched_on(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = DRIVERS[name][2]
    with fetching(name, monkeypatch, "CONNECT") as recorder:
        connect().close()
        assert told(recorder, "db.system.name") == [("CONNECT", "mysql" if name == "mysqldb" else "postgresql")]
    monkeypatch.delenv(f"{PREFIX}{DRIVERS[name][1]}_CONNECT")
    with instrumented(DRIVERS[name][0], recorder.provider):
        connect().close()
        assert told(recorder) == []


def test_whatever_name_a_connection_is_made_by_it_is_one_span(monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg
    from psycopg_pool import ConnectionPool

    url = os.environ["TEST_POSTGRESQL_URL"]

    async def connect() -> None:
        await (await psycopg.AsyncConnection.connect(url)).close()

    class Mine(psycopg.Connection[Any]):
        pass

    with fetching("psycopg", monkeypatch, "CONNECT") as recorder:
        for made in (psycopg.connect(url), psycopg.Connection.connect(url), Mine.connect(url)):
            made.close()
        asyncio.run(connect())
        calls = ["psycopg.connect"] * 3 + ["psycopg.AsyncConnection.connect"]
        assert told(recorder, "db.driver.call") == [("CONNECT", call) for call in calls]
        with ConnectionPool(url, min_size=1, max_size=1, open=True) as pool:
            pool.wait(30)
        assert told(recorder) == [("CONNECT",)]


@pytest.mark.parametrize("module", ["psycopg", "psycopg2"])
def test_a_connection_that_nobody_takes_is_an_error(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = __import__(module)
    with fetching(module, monkeypatch, "CONNECT") as recorder:
        with pytest.raises(driver.OperationalError):
            driver.connect("host=127.0.0.1 port=1")
        (span,) = recorder.take()
        assert (span.name, span.status.status_code.name) == ("CONNECT", "ERROR")
