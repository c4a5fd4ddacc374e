"""What drivers store is what they were given: sent in every way, inside of a span, with and without comments."""

from __future__ import annotations

import asyncio
import importlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.context import Context

from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.semconv import db
from tests.otel_instrumentors.contract import Recorder, instrumented
from tests.otel_instrumentors.test_mysql_connector import FORMS

ROWS = [(1, "Ada", b"\x00\xff"), (2, "50 % ? %s", b""), (3, 'o\'Brien \\ "x" /* no comment */', None)]
Way = Any


def server() -> dict[str, Any]:
    url = urlsplit(os.environ["TEST_MARIADB_URL"])
    return {"host": url.hostname, "port": url.port, "user": url.username, "database": url.path[1:]}


@contextmanager
def table(connection: Any, binary: str) -> Iterator[None]:
    """A table of the connection's own."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE stored (n INT, name TEXT, data {binary})")
    yield
    connection.close()


def stored(connection: Any) -> list[Any]:
    with closing(connection.cursor()) as cursor:
        cursor.execute("SELECT n, name, data FROM stored ORDER BY n")
        return [(n, as_text(name), None if data is None else bytes(data)) for n, name, data in cursor.fetchall()]


def as_text(name: Any) -> str:
    return name if isinstance(name, str) else bytes(name).decode()


def by_execute(connection: Any, mark: str, **cursor: Any) -> None:
    with closing(connection.cursor(**cursor)) as sender:
        for row in ROWS:
            sender.execute(f"INSERT INTO stored VALUES ({mark}, {mark}, {mark})", row)


def by_executemany(connection: Any, mark: str, **cursor: Any) -> None:
    with closing(connection.cursor(**cursor)) as sender:
        sender.executemany(f"INSERT INTO stored VALUES ({mark}, {mark}, {mark})", ROWS)


SENDING = [by_execute, by_executemany]


class Comments:
    """Says something in each statement, as Database Monitoring asks for."""

    def inject(self, pairs: dict[str, str], context: Context) -> None:
        pairs.update(ours="50 %", theirs="o'Brien")


@pytest.fixture(params=["plain", "with comments"])
def recorder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    if request.param == "with comments":
        monkeypatch.setattr(db, "get_global_textmap", lambda: SimpleNamespace(statements=Comments()))
    return Recorder()


@contextmanager
def inside_a_span(recorder: Recorder, plugin: str) -> Iterator[None]:
    """The library is traced, and a span of the application's is current; each statement makes one below it."""
    instrumentor: type[Instrumentor] = next(
        value
        for name, value in vars(importlib.import_module(f"otel_instrumentors.{plugin}")).items()
        if name.endswith("Instrumentor") and value is not Instrumentor
    )
    with instrumented(instrumentor, recorder.provider):
        with recorder.provider.get_tracer("application").start_as_current_span("work"):
            yield
        assert [span.name for span in recorder.take() if "INSERT" in span.name]


@pytest.mark.parametrize("send", SENDING)
@pytest.mark.parametrize("prepared", [False, True], ids=["plain", "prepared"])
@pytest.mark.parametrize("form", FORMS)
def test_mysql_connector(mariadb: str, recorder: Recorder, form: str, prepared: bool, send: Way) -> None:
    import mysql.connector

    with inside_a_span(recorder, "mysql_connector"):
        connection = mysql.connector.connect(**server(), use_pure=form == "pure")
        with table(connection, "BLOB"):
            send(connection, "?" if prepared else "%s", prepared=prepared)
            assert stored(connection) == ROWS


@pytest.mark.parametrize("send", SENDING)
def test_mysqlclient(mariadb: str, recorder: Recorder, send: Way) -> None:
    import MySQLdb

    with inside_a_span(recorder, "mysqldb"):
        connection = MySQLdb.connect(**server())
        with table(connection, "BLOB"):
            send(connection, "%s")
            assert stored(connection) == ROWS


@pytest.mark.parametrize("send", SENDING)
def test_pymysql(mariadb: str, recorder: Recorder, send: Way) -> None:
    import pymysql

    with inside_a_span(recorder, "pymysql"):
        connection = pymysql.connect(**server())
        with table(connection, "BLOB"):
            send(connection, "%s")
            assert stored(connection) == ROWS


@pytest.mark.parametrize("many", [False, True], ids=["by_execute", "by_executemany"])
def test_aiomysql(mariadb: str, recorder: Recorder, many: bool) -> None:
    import aiomysql

    # The newest one cannot escape bytes for the newest PyMySQL.
    rows = [(n, name, None if data is None else data.hex()) for n, name, data in ROWS]
    where = {"db" if name == "database" else name: value for name, value in server().items()}

    async def sent() -> list[Any]:
        connection = await aiomysql.connect(**where, charset="utf8mb4")
        async with connection, connection.cursor() as cursor:
            await cursor.execute("CREATE TEMPORARY TABLE stored (n INT, name TEXT, data TEXT)")
            if many:
                await cursor.executemany("INSERT INTO stored VALUES (%s, %s, %s)", rows)
            else:
                for row in rows:
                    await cursor.execute("INSERT INTO stored VALUES (%s, %s, %s)", row)
            await cursor.execute("SELECT n, name, data FROM stored ORDER BY n")
            return list(await cursor.fetchall())

    with inside_a_span(recorder, "aiomysql"):
        assert asyncio.run(sent()) == rows


@pytest.mark.parametrize("send", SENDING)
@pytest.mark.parametrize("library", ["psycopg2", "psycopg"])
def test_psycopg(postgresql: str, recorder: Recorder, library: str, send: Way) -> None:
    with inside_a_span(recorder, "psycopg"):
        connection = importlib.import_module(library).connect(postgresql)
        with table(connection, "BYTEA"):
            send(connection, "%s")
            assert stored(connection) == ROWS


def test_psycopg_prepared_and_copied(postgresql: str, recorder: Recorder) -> None:
    import psycopg

    with inside_a_span(recorder, "psycopg"):
        connection = psycopg.connect(postgresql)
        with table(connection, "BYTEA"):
            connection.execute("INSERT INTO stored VALUES (%s, %s, %s)", ROWS[0], prepare=True)
            with connection.cursor() as cursor, cursor.copy("COPY stored FROM STDIN") as copy:
                for row in ROWS[1:]:
                    copy.write_row(row)
            assert stored(connection) == ROWS


@pytest.mark.parametrize("many", [False, True], ids=["by_execute", "by_executemany"])
@pytest.mark.parametrize("kept", [0, 8], ids=["as text", "prepared"])
def test_asyncmy(mariadb: str, recorder: Recorder, kept: int, many: bool) -> None:
    import asyncmy

    async def sent() -> list[Any]:
        async with asyncmy.connect(**server(), stmt_cache_size=kept) as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE TEMPORARY TABLE stored (n INT, name TEXT, data BLOB)")
            if many:
                await cursor.executemany("INSERT INTO stored VALUES (%s, %s, %s)", ROWS)
            else:
                for row in ROWS:
                    await cursor.execute("INSERT INTO stored VALUES (%s, %s, %s)", row)
            await cursor.execute("SELECT n, name, data FROM stored ORDER BY n")
            return list(await cursor.fetchall())

    with inside_a_span(recorder, "asyncmy"):
        assert asyncio.run(sent()) == ROWS


@pytest.mark.parametrize("many", [False, True], ids=["one by one", "in bulk"])
def test_asyncmy_prepared(mariadb: str, recorder: Recorder, many: bool) -> None:
    import asyncmy

    async def sent() -> list[Any]:
        async with asyncmy.connect(**server()) as connection, connection.cursor() as cursor:
            await cursor.execute("CREATE TEMPORARY TABLE stored (n INT, name TEXT, data BLOB)")
            async with await connection.prepare("INSERT INTO stored VALUES (?, ?, ?)") as insert:
                if many:
                    assert (await insert.execute_bulk(ROWS)).affected_rows == len(ROWS)
                else:
                    for row in ROWS:
                        await insert.execute(row)
            select = await connection.prepare("SELECT n, name, data FROM stored ORDER BY n")
            return list((await select.execute()).rows)

    with inside_a_span(recorder, "asyncmy"):
        assert asyncio.run(sent()) == ROWS


@pytest.mark.parametrize("many", [False, True], ids=["by_execute", "by_executemany"])
def test_asyncpg(postgresql: str, recorder: Recorder, many: bool) -> None:
    import asyncpg

    async def sent() -> list[Any]:
        connection = await asyncpg.connect(postgresql)
        await connection.execute("CREATE TEMPORARY TABLE stored (n INT, name TEXT, data BYTEA)")
        if many:
            await connection.executemany("INSERT INTO stored VALUES ($1, $2, $3)", ROWS)
        else:
            for row in ROWS:
                await connection.execute("INSERT INTO stored VALUES ($1, $2, $3)", *row)
        found = await connection.fetch("SELECT n, name, data FROM stored ORDER BY n")
        await connection.close()
        return [tuple(row) for row in found]

    with inside_a_span(recorder, "asyncpg"):
        assert asyncio.run(sent()) == ROWS


@pytest.mark.parametrize("send", SENDING)
def test_sqlite3(recorder: Recorder, send: Way) -> None:
    with inside_a_span(recorder, "sqlite3"):
        connection = sqlite3.connect(":memory:")
        with table(connection, "BLOB"):
            send(connection, "?")
            assert stored(connection) == ROWS
