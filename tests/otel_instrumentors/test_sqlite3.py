"""sqlite3, on the standard library's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest

from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


class TestSqlite3Contract(Contract):
    instrumentor = Sqlite3Instrumentor

    @staticmethod
    def use() -> Any:
        import sqlite3

        connection = sqlite3.connect(":memory:")
        try:
            connection.execute("CREATE TABLE t (a)")
            connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
            connection.commit()
            return connection.execute("SELECT a FROM t ORDER BY a").fetchall()
        finally:
            connection.close()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(Sqlite3Instrumentor, recorder.provider):
        yield recorder


def shown(recorder: Recorder) -> list[dict[str, Any]]:
    return [{"name": span.name, **dict(span.attributes or {})} for span in recorder.take()]


def test_a_statement_is_a_client_span_named_by_its_verb(recorder: Recorder) -> None:
    import sqlite3

    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a)")
    connection.cursor().executemany("insert into t values (?)", [(1,), (2,), (3,)])
    connection.executescript("update t set a = 7; delete from t;")
    connection.rollback()
    connection.close()

    common = {"db.system.name": "sqlite"}
    assert shown(recorder) == [
        {"name": "CREATE", **common, "db.query.text": "create table t (a)", "db.driver.call": "execute"},
        {
            "name": "INSERT",
            **common,
            "db.query.text": "insert into t values (?)",
            "db.driver.call": "executemany",
            "db.row_count": 3,
        },
        {
            "name": "UPDATE",
            **common,
            "db.query.text": "update t set a = 7; delete from t;",
            "db.driver.call": "executescript",
        },
        {"name": "ROLLBACK", **common, "db.driver.call": "rollback"},
    ]


def test_an_error_is_recorded_and_raised(recorder: Recorder) -> None:
    import sqlite3

    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError, match="no such table: nope"):
        connection.execute("select * from nope")
    connection.close()

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})["error.type"] == "sqlite3.OperationalError"
    (event,) = span.events
    assert dict(event.attributes or {})["exception.message"] == "no such table: nope"


def test_a_cursor_is_iterated_without_further_spans(recorder: Recorder) -> None:
    import sqlite3

    with sqlite3.connect(":memory:") as connection:
        rows = connection.execute("select 1 union select 2")
        assert [row[0] for row in rows] == [1, 2]
    connection.close()

    assert [span.name for span in recorder.take()] == ["SELECT"]


def test_type_checks_of_the_driver_and_of_the_application_keep_working(recorder: Recorder) -> None:
    import sqlite3

    source, copy = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    cursor = source.execute("create table t (a)")
    assert isinstance(source, sqlite3.Connection)
    assert isinstance(cursor, sqlite3.Cursor)
    assert type(source).__name__ == "Connection"
    source.backup(copy)
    assert copy.execute("select name from sqlite_master").fetchall() == [("t",)]
    assert sqlite3.Cursor(source).execute("select 1").fetchone() == (1,)
    source.row_factory = sqlite3.Row
    assert source.execute("select 5 as five").fetchone()["five"] == 5
    source.close()
    copy.close()


def test_connection_and_cursor_classes_of_the_application_are_used_and_traced_once(recorder: Recorder) -> None:
    import sqlite3

    class Audited(sqlite3.Connection):
        seen: tuple[str, ...] = ()

        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            self.seen += (sql,)
            return super().execute(sql, *args)

    class Upper(sqlite3.Cursor):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            return super().execute(sql.upper(), *args)

    connection = sqlite3.connect(":memory:", factory=Audited)
    connection.execute("select 1")
    cursor = connection.cursor(Upper)
    assert isinstance(connection, Audited)
    assert isinstance(cursor, Upper)
    cursor.execute("select 2")
    connection.cursor(factory=Upper).execute("select 3")
    assert connection.seen == ("select 1",)
    connection.close()

    assert [span["db.query.text"] for span in shown(recorder)] == ["select 1", "SELECT 2", "SELECT 3"]


def test_a_factory_that_is_no_class_is_left_alone(recorder: Recorder) -> None:
    import sqlite3

    connection = sqlite3.connect(":memory:", factory=lambda *args, **kwargs: sqlite3.Connection(*args, **kwargs))
    assert connection.execute("select 1").fetchone() == (1,)
    connection.close()


def test_connections_and_cursors_that_are_kept_fall_silent(recorder: Recorder) -> None:
    import sqlite3

    connection = sqlite3.connect(":memory:")
    cursor = connection.cursor()
    Sqlite3Instrumentor().uninstrument()
    connection.execute("select 1")
    cursor.execute("select 2")
    connection.commit()
    connection.close()

    assert recorder.take() == []


def test_odd_statements_raise_what_the_driver_raises(recorder: Recorder) -> None:
    import sqlite3

    connection = sqlite3.connect(":memory:")
    for wrong in (None, 5, b"select 1"):
        with pytest.raises(TypeError):
            connection.execute(wrong)  # type: ignore[arg-type]
    connection.execute("  -- a comment\n select 1")
    connection.execute("")
    connection.close()

    assert [(span.name, span.status.is_unset) for span in recorder.take()] == [
        ("sqlite", False),
        ("sqlite", False),
        ("SELECT", False),
        ("sqlite", True),
        ("sqlite", True),
    ]


def test_connections_that_are_there_already_are_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    import sqlite3

    recorder = Recorder()
    early = sqlite3.connect(":memory:")
    with instrumented(Sqlite3Instrumentor, recorder.provider):
        early.execute("select 1")
        early.execute("select 2")
    early.close()

    assert recorder.take() == []
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("Statements of sqlite3.Connection are not traced for the ")


def test_connections_that_are_there_already_are_told_of_once_where_another_tool_wrapped_one_name(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    original = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: original(*args, **kwargs))
    early = original(":memory:")
    for _ in range(2):
        with instrumented(Sqlite3Instrumentor, Recorder().provider):
            sqlite3.connect(":memory:").close()
        assert len(caplog.records) == 1
        caplog.clear()
    early.close()


def test_who_took_connect_by_its_name_before_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    import gc
    import sqlite3

    gc.collect()
    recorder = Recorder()
    taker = ModuleType("taker")
    taker.taken = sqlite3.connect  # type: ignore[attr-defined]
    with instrumented(Sqlite3Instrumentor, recorder.provider):
        taker.taken(":memory:").close()
        sqlite3.connect(":memory:").close()

    (line,) = [record.getMessage() for record in caplog.records]
    # Another test may have left a connection open, which is told in the same line.
    assert line.startswith("Statements of sqlite3.Connection are not traced for ")
    assert line.endswith("those made by taker, which imported connect() earlier")


if find_spec("aiosqlite"):

    def test_statements_of_aiosqlite_are_spans_below_what_awaits_them(recorder: Recorder) -> None:
        import aiosqlite

        tracer = recorder.provider.get_tracer("application")

        async def main() -> None:
            async with aiosqlite.connect(":memory:") as connection:
                for number in range(2):
                    with tracer.start_as_current_span(f"task {number}"):
                        rows = await connection.execute_fetchall("select ?", (number,))
                        assert [tuple(row) for row in rows] == [(number,)]

        asyncio.run(main())

        spans = recorder.take()
        assert [span.name for span in spans] == ["SELECT", "task 0", "SELECT", "task 1"]
        assert [span.parent for span in spans] == [spans[1].context, None, spans[3].context, None]
