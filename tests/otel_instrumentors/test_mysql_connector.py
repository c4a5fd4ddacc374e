"""MySQL Connector, on a real MariaDB."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import propagate
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_instrumentors.mysql_connector import MysqlConnectorInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

RUNNING = "SELECT info FROM information_schema.processlist WHERE id = connection_id()"
FORMS = ["pure"]
with suppress(ImportError):
    # Where it is there, and not just its file: newer ones want a newer OpenSSL than some systems have.
    import _mysql_connector  # noqa: F401

    FORMS.append("C")
HAS_ASYNCIO = importlib.util.find_spec("mysql.connector.aio") is not None  # since 8.3


def where() -> dict[str, Any]:
    url = urlsplit(os.environ["TEST_MARIADB_URL"])
    return {"host": url.hostname, "port": url.port, "user": url.username, "database": url.path[1:]}


def connected(form: str = "pure") -> Any:
    import mysql.connector

    return mysql.connector.connect(**where(), use_pure=form == "pure")


class TestMysqlConnectorContract(Contract):
    instrumentor = MysqlConnectorInstrumentor
    servers = ("mariadb",)

    @staticmethod
    def use() -> Any:
        answers = []
        for form in FORMS:
            with closing(connected(form)) as connection, closing(connection.cursor()) as cursor:
                cursor.execute("CREATE TEMPORARY TABLE t (a INT)")
                cursor.executemany("INSERT INTO t VALUES (%s)", [(1,), (2,)])
                connection.commit()
                cursor.execute("SELECT a FROM t ORDER BY a")
                answers.append(cursor.fetchall())
        return answers


@pytest.fixture
def recorder(mariadb: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(MysqlConnectorInstrumentor, recorder.provider):
        yield recorder


def shown(recorder: Recorder) -> list[dict[str, Any]]:
    """Without the statements that the connector sends for itself."""
    spans = [{"name": span.name, **dict(span.attributes or {})} for span in recorder.take()]
    return [span for span in spans if "@@session" not in span.get("db.query.text", "")]


def texts(recorder: Recorder) -> list[Any]:
    return [span.get("db.query.text", span["name"]) for span in shown(recorder)]


both = pytest.mark.parametrize("form", FORMS)


@both
def test_a_statement_is_a_client_span_that_says_where_it_was_sent(recorder: Recorder, form: str) -> None:
    with closing(connected(form)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("create temporary table t (a int)")
        cursor.executemany("insert into t values (%s)", [(1,), (2,), (3,)])
        connection.commit()
        cursor.execute(operation="select a from t where a > %(a)s", params={"a": 1})
        assert cursor.fetchall() == [(2,), (3,)]
        connection.rollback()
    common = {
        "db.system.name": "mysql",
        "db.namespace": "test",
        "server.address": "127.0.0.1",
        "server.port": where()["port"],
        "db.user": "root",
    }

    spans = shown(recorder)
    counts = [span.pop("db.row_count", None) for span in spans]
    assert counts[1] == 3
    assert spans == [
        {"name": "CREATE", **common, "db.query.text": "create temporary table t (a int)", "db.driver.call": "execute"},
        {"name": "INSERT", **common, "db.query.text": "insert into t values (%s)", "db.driver.call": "executemany"},
        {"name": "COMMIT", **common, "db.driver.call": "commit"},
        {"name": "SELECT", **common, "db.query.text": "select a from t where a > %(a)s", "db.driver.call": "execute"},
        {"name": "ROLLBACK", **common, "db.driver.call": "rollback"},
    ]


@both
def test_an_error_is_recorded_and_raised(recorder: Recorder, form: str) -> None:
    import mysql.connector

    with (
        closing(connected(form)) as connection,
        closing(connection.cursor()) as cursor,
        pytest.raises(mysql.connector.ProgrammingError, match="doesn't exist"),
    ):
        cursor.execute("select * from nope")

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})["error.type"] == "mysql.connector.errors.ProgrammingError"
    assert len(span.events) == 1


@both
def test_a_call_of_a_cursor_is_one_span_however_many_statements_it_sends(recorder: Recorder, form: str) -> None:
    with closing(connected(form)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("create or replace procedure twice(in a int, out b int) set b = 2 * a")
        assert cursor.callproc("twice", (4, 0))[1] == 8
        cursor.execute("create temporary table t (a int)")
        cursor.execute("insert into t values (1), (2)")
        cursor.executemany("update t set a = a + 1 where a = %s", [(1,), (2,)])

    assert texts(recorder) == [
        "create or replace procedure twice(in a int, out b int) set b = 2 * a",
        "twice",
        "create temporary table t (a int)",
        "insert into t values (1), (2)",
        "update t set a = a + 1 where a = %s",
    ]


@both
def test_cursors_of_all_kinds_are_traced(recorder: Recorder, form: str) -> None:
    kinds: list[dict[str, bool]] = [
        {},
        {"buffered": True},
        {"raw": True},
        {"dictionary": True},
        {"buffered": True, "dictionary": True},
        {"prepared": True},
    ]
    with closing(connected(form)) as connection:
        for number, kind in enumerate(kinds):
            with closing(connection.cursor(**kind)) as cursor:
                cursor.execute(f"select {number} as n")
                assert len(cursor.fetchall()) == 1

    assert texts(recorder) == [f"select {number} as n" for number in range(6)]


def test_connections_that_are_there_already_and_pools_are_traced(mariadb: str) -> None:
    from mysql.connector import connect
    from mysql.connector.pooling import MySQLConnectionPool

    recorder = Recorder()
    early = connect(**where())
    pool = MySQLConnectionPool(pool_name="early", pool_size=1, **where())
    with instrumented(MysqlConnectorInstrumentor, recorder.provider):
        with closing(early), closing(early.cursor()) as cursor:
            cursor.execute("select 1")
            cursor.fetchall()
        with closing(pool.get_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("select 2")
            cursor.fetchall()
    pool._remove_connections()

    assert [text for text in texts(recorder) if text.startswith("select")] == ["select 1", "select 2"]


@both
def test_a_closed_cursor_raises_what_it_always_did(recorder: Recorder, form: str) -> None:
    import mysql.connector

    with closing(connected(form)) as connection:
        cursor = connection.cursor()
        cursor.close()
        with pytest.raises(mysql.connector.ProgrammingError, match="Cursor is not connected"):
            cursor.execute("select 1")

    (span,) = recorder.take()
    assert (span.name, span.status.is_unset) == ("SELECT", False)


class Headers(TraceContextTextMapPropagator):
    """The standard propagator of headers, that says `a='1%'` to databases."""

    @property
    def statements(self) -> Any:
        class Fixed:
            @staticmethod
            def inject(carrier: dict[str, str], _context: Any) -> None:
                carrier["a"] = "1%"

        return Fixed()


@pytest.fixture
def commenting() -> Iterator[None]:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(Headers())
    yield
    propagate.set_global_textmap(before)


@both
def test_statements_bear_comments_but_for_those_that_are_prepared(
    recorder: Recorder, commenting: None, form: str
) -> None:
    with closing(connected(form)) as connection:
        with closing(connection.cursor()) as cursor:
            for statement, given in ((RUNNING, None), (RUNNING + " and 0 = %s", (0,)), (RUNNING.encode(), None)):
                cursor.execute(statement, given)
                ((text,),) = cursor.fetchall()
                assert text.startswith(f"/*a='1%25'*/ {RUNNING}")
            cursor.execute("create temporary table t (a int)")
            cursor.executemany("insert into t values (%s)", [(1,), (2,)])
            assert "values (1),(2)" in str(cursor._executed)
        with closing(connection.cursor(prepared=True)) as cursor:
            cursor.execute(RUNNING)
            ((text,),) = cursor.fetchall()
            assert text in (RUNNING, RUNNING.encode())  # bytes until 8.0


if HAS_ASYNCIO:

    async def connected_asynchronously() -> Any:
        import mysql.connector.aio

        return await mysql.connector.aio.connect(**where(), ssl_disabled=True)

    def test_statements_that_are_awaited_are_spans_below_what_awaits_them(recorder: Recorder) -> None:
        tracer = recorder.provider.get_tracer("application")

        async def ask(number: int) -> None:
            connection = await connected_asynchronously()
            with tracer.start_as_current_span(f"task {number}"):
                async with await connection.cursor() as cursor:
                    await cursor.execute("select %s", (number,))
                    assert len(await cursor.fetchall()) == 1
            await connection.close()

        async def main() -> None:
            await asyncio.gather(*(ask(number) for number in range(3)))

        asyncio.run(main())

        spans = recorder.take()
        tasks = {span.context.span_id: span.name for span in spans if span.name.startswith("task") and span.context}
        below = [tasks[span.parent.span_id] for span in spans if span.parent and span.parent.span_id in tasks]
        assert sorted(below) == sorted(tasks.values())
        assert len(below) == 3

    def test_statements_transactions_and_errors_that_are_awaited(recorder: Recorder, commenting: None) -> None:
        import mysql.connector

        async def main() -> None:
            connection = await connected_asynchronously()
            async with await connection.cursor() as cursor:
                await cursor.execute(RUNNING)
                assert await cursor.fetchall() == [(f"/*a='1%25'*/ {RUNNING}",)]
                await cursor.execute("create temporary table t (a int)")
                await cursor.executemany("insert into t values (%s)", [(1,), (2,)])
                with pytest.raises(mysql.connector.ProgrammingError):
                    await cursor.execute("select * from nope")
            await connection.commit()
            await connection.rollback()
            await connection.close()

        asyncio.run(main())

        assert texts(recorder) == [
            RUNNING,
            "create temporary table t (a int)",
            "insert into t values (%s)",
            "select * from nope",
            "COMMIT",
            "ROLLBACK",
        ]
