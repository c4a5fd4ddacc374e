"""PyMySQL, on a real MariaDB."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import propagate
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_instrumentors.pymysql import PymysqlInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

RUNNING = "SELECT info FROM information_schema.processlist WHERE id = connection_id()"


def connected(**options: Any) -> Any:
    import pymysql

    url = urlsplit(os.environ["TEST_MARIADB_URL"])
    return pymysql.connect(host=url.hostname, port=url.port, user=url.username, database=url.path[1:], **options)


class TestPymysqlContract(Contract):
    instrumentor = PymysqlInstrumentor
    servers = ("mariadb",)

    @staticmethod
    def use() -> Any:
        with closing(connected()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("CREATE TEMPORARY TABLE t (a INT)")
            cursor.executemany("INSERT INTO t VALUES (%s)", [(1,), (2,)])
            connection.commit()
            cursor.execute("SELECT a FROM t ORDER BY a")
            return cursor.fetchall()


@pytest.fixture
def recorder(mariadb: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(PymysqlInstrumentor, recorder.provider):
        yield recorder


def shown(recorder: Recorder) -> list[dict[str, Any]]:
    return [{"name": span.name, **dict(span.attributes or {})} for span in recorder.take()]


def texts(recorder: Recorder) -> list[Any]:
    return [(span.attributes or {}).get("db.query.text", span.name) for span in recorder.take()]


def test_a_statement_is_a_client_span_that_says_where_it_was_sent(recorder: Recorder) -> None:
    with closing(connected()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("create temporary table t (a int)")
        cursor.executemany("insert into t values (%s)", [(1,), (2,), (3,)])
        connection.commit()
        cursor.execute("select a from t where a > %(a)s", {"a": 1})
        connection.rollback()
    common = {
        "db.system.name": "mysql",
        "db.namespace": "test",
        "db.user": "root",
        "server.address": "127.0.0.1",
        "server.port": urlsplit(os.environ["TEST_MARIADB_URL"]).port,
    }

    assert shown(recorder) == [
        {
            "name": "CREATE",
            **common,
            "db.query.text": "create temporary table t (a int)",
            "db.driver.call": "execute",
            "db.row_count": 0,
        },
        {
            "name": "INSERT",
            **common,
            "db.query.text": "insert into t values (%s)",
            "db.driver.call": "executemany",
            "db.row_count": 3,
        },
        {"name": "COMMIT", **common, "db.driver.call": "commit"},
        {
            "name": "SELECT",
            **common,
            "db.query.text": "select a from t where a > %(a)s",
            "db.driver.call": "execute",
            "db.row_count": 2,
        },
        {"name": "ROLLBACK", **common, "db.driver.call": "rollback"},
    ]


def test_an_error_is_recorded_and_raised(recorder: Recorder) -> None:
    import pymysql

    with (
        closing(connected()) as connection,
        closing(connection.cursor()) as cursor,
        pytest.raises(pymysql.ProgrammingError, match="doesn't exist"),
    ):
        cursor.execute("select * from nope")

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert str(dict(span.attributes or {})["error.type"]).endswith("ProgrammingError")
    assert len(span.events) == 1


def test_a_call_of_a_cursor_is_one_span_however_many_statements_it_sends(recorder: Recorder) -> None:
    with closing(connected()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("create or replace procedure twice(in a int) select 2 * a")
        cursor.callproc("twice", (4,))
        assert cursor.fetchall() == ((8,),)
        while cursor.nextset():
            pass
        cursor.execute("create temporary table t (a int)")
        cursor.execute("insert into t values (1), (2)")
        cursor.executemany("update t set a = a + 1 where a = %s", [(1,), (2,)])

    assert texts(recorder) == [
        "create or replace procedure twice(in a int) select 2 * a",
        "twice",
        "create temporary table t (a int)",
        "insert into t values (1), (2)",
        "update t set a = a + 1 where a = %s",
    ]


def test_what_another_cursor_reads_for_the_rows_of_many_is_a_statement_of_its_own(recorder: Recorder) -> None:
    with closing(connected()) as connection, closing(connection.cursor()) as cursor:

        def rows() -> Iterator[tuple[int]]:
            with closing(connection.cursor()) as other:
                other.execute("select 7")
                yield from other.fetchall()

        cursor.execute("create temporary table t (a int)")
        cursor.executemany("insert into t values (%s)", rows())

    assert texts(recorder)[1:] == ["select 7", "insert into t values (%s)"]


def test_connections_and_cursors_that_are_there_already_are_traced(mariadb: str) -> None:
    from pymysql import cursors

    recorder = Recorder()
    with closing(connected(cursorclass=cursors.SSDictCursor)) as early, closing(early.cursor()) as cursor:
        with instrumented(PymysqlInstrumentor, recorder.provider):
            cursor.execute("select 1 as one")
            assert list(cursor) == [{"one": 1}]
        cursor.execute("select 2")

    assert texts(recorder) == ["select 1 as one"]


def test_a_closed_cursor_raises_what_it_always_did(recorder: Recorder) -> None:
    import pymysql

    with closing(connected()) as connection:
        cursor = connection.cursor()
        cursor.close()
        with pytest.raises(pymysql.ProgrammingError, match="Cursor closed"):
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


def test_statements_bear_comments_and_rows_are_still_sent_at_once(recorder: Recorder) -> None:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(Headers())
    try:
        with closing(connected()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(RUNNING)
            assert cursor.fetchall() == ((f"/*a='1%%25'*/ {RUNNING}",),)
            cursor.execute(query=f"{RUNNING} and 0 = %s", args=(0,))
            assert cursor.fetchall() == ((f"/*a='1%25'*/ {RUNNING} and 0 = 0",),)
            cursor.execute("create temporary table t (a int)")
            cursor.executemany("insert into t values (%s)", [(1,), (2,)])
            assert bytes(cursor._executed) == b"insert into t values (1),(2)"
    finally:
        propagate.set_global_textmap(before)
