"""asyncmy, on a real MariaDB."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import asyncmy
import asyncmy.connection
import asyncmy.cursors
import asyncmy.errors
import pytest
from opentelemetry.trace import SpanKind, get_current_span

from otel_instrumentors.asyncmy import AsyncmyInstrumentor
from otel_instrumentors.semconv import db
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

RUNNING = "SELECT info FROM information_schema.processlist WHERE id = connection_id()"


def where() -> dict[str, Any]:
    url = urlsplit(os.environ["TEST_MARIADB_URL"])
    return {"host": url.hostname, "port": url.port, "user": url.username, "db": url.path[1:]}


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[Any]:
    connection = await asyncmy.connect(**where(), **options)
    try:
        yield connection
    finally:
        await connection.ensure_closed()


class TestAsyncmyContract(Contract):
    instrumentor = AsyncmyInstrumentor
    servers = ("mariadb",)

    @staticmethod
    def use() -> Any:
        async def used() -> Any:
            async with connected() as connection, connection.cursor() as cursor:
                await cursor.execute("CREATE TEMPORARY TABLE t (a INT)")
                await cursor.executemany("INSERT INTO t VALUES (%s)", [(1,), (2,)])
                await cursor.execute("SELECT a FROM t ORDER BY a")
                return await cursor.fetchall()

        return asyncio.run(used())


@pytest.fixture
def recorder(mariadb: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(AsyncmyInstrumentor, recorder.provider):
        yield recorder


def texts(recorder: Recorder) -> list[Any]:
    return [(span.attributes or {}).get("db.query.text", span.name) for span in recorder.take()]


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def test_a_statement_is_a_client_span_that_says_where_it_was_sent(recorder: Recorder) -> None:
    async def used() -> None:
        async with connected() as connection, connection.cursor() as cursor:
            await cursor.execute("create temporary table t (a int)")
            await cursor.executemany("insert into t values (%s)", [(1,), (2,), (3,)])
            await connection.commit()
            await cursor.execute("select a from t where a > %(a)s", {"a": 1})

    run(used())
    spans = recorder.take()
    assert {span.kind for span in spans} == {SpanKind.CLIENT}
    common = {
        "db.system.name": "mysql",
        "db.namespace": "test",
        "db.user": "root",
        "server.address": "127.0.0.1",
        "server.port": where()["port"],
    }
    assert [{"name": span.name, **dict(span.attributes or {})} for span in spans] == [
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
        {
            "name": "SELECT",
            **common,
            "db.query.text": "select a from t where a > %(a)s",
            "db.driver.call": "execute",
            "db.row_count": 2,
        },
    ]


def test_the_span_lasts_until_the_answer_is_there(recorder: Recorder) -> None:
    async def used() -> None:
        async with connected() as connection, connection.cursor() as cursor:
            await cursor.execute("select sleep(0.05)")

    run(used())
    (span,) = recorder.take()
    assert (span.end_time or 0) - (span.start_time or 0) >= 50_000_000


def test_an_error_is_recorded_and_raised(recorder: Recorder) -> None:
    async def used() -> None:
        async with connected() as connection, connection.cursor() as cursor:
            await cursor.execute("select * from nope")

    with pytest.raises(asyncmy.errors.ProgrammingError, match="doesn't exist"):
        run(used())
    (span,) = recorder.take()
    assert dict(span.attributes or {})["error.type"] == "asyncmy.errors.ProgrammingError"
    assert len(span.events) == 1


def test_a_call_of_a_cursor_is_one_span_however_many_statements_it_sends(recorder: Recorder) -> None:
    async def used() -> None:
        async with connected() as connection, connection.cursor() as cursor:
            await cursor.execute("create or replace procedure thrice(in a int) select 3 * a")
            await cursor.callproc("thrice", (4,))
            assert await cursor.fetchall() == ((12,),)
            await cursor.nextset()
            await cursor.execute("create temporary table t (a int)")
            await cursor.execute("insert into t values (1), (2)")
            await cursor.executemany("update t set a = a + 1 where a = %s", [(1,), (2,)])

    run(used())
    assert texts(recorder) == [
        "create or replace procedure thrice(in a int) select 3 * a",
        "thrice",
        "create temporary table t (a int)",
        "insert into t values (1), (2)",
        "update t set a = a + 1 where a = %s",
    ]


def test_rows_are_read_one_by_one_and_the_cursor_stays_the_drivers(recorder: Recorder) -> None:
    async def used() -> None:
        async with connected() as connection, connection.cursor(asyncmy.cursors.SSCursor) as cursor:
            assert isinstance(cursor, asyncmy.cursors.SSCursor)
            assert type(cursor).__name__ == "SSCursor"
            await cursor.execute("select 1 as one union select 2")
            assert [row async for row in cursor] == [(1,), (2,)]

    run(used())
    (span,) = recorder.take()
    assert "db.row_count" not in (span.attributes or {})


def test_statements_at_one_time_are_each_a_child_of_their_caller(recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("app")

    async def caller(pool: Any, number: int) -> None:
        with tracer.start_as_current_span(f"caller {number}"):
            async with pool.acquire() as connection, connection.cursor() as cursor:
                await cursor.execute(f"select {number}")

    async def used() -> None:
        async with asyncmy.create_pool(minsize=1, maxsize=3, **where()) as pool:
            await asyncio.gather(*(caller(pool, number) for number in range(6)))

    run(used())
    spans = recorder.take()
    callers = {span.context.span_id: span.name for span in spans if span.kind is SpanKind.INTERNAL}
    found = sorted(
        (callers[span.parent.span_id], (span.attributes or {})["db.query.text"])
        for span in spans
        if span.kind is SpanKind.CLIENT and span.parent
    )
    assert found == [(f"caller {number}", f"select {number}") for number in range(6)]


def test_a_closed_cursor_raises_what_it_always_did(recorder: Recorder) -> None:
    async def used() -> None:
        async with connected() as connection:
            async with connection.cursor() as cursor:
                pass
            await cursor.execute("select 1")

    with pytest.raises(asyncmy.errors.ProgrammingError, match=r"Cursor (is )?closed"):
        run(used())
    (span,) = recorder.take()
    assert (span.name, span.status.is_unset) == ("SELECT", False)


def test_statements_bear_comments_and_rows_are_still_sent_at_once(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Says:
        def inject(self, pairs: dict[str, str], _context: Any) -> None:
            pairs["a"] = "1%"

    monkeypatch.setattr(db, "get_global_textmap", lambda: SimpleNamespace(statements=Says()))

    async def used() -> None:
        async with connected() as connection, connection.cursor() as cursor:
            await cursor.execute(RUNNING)
            assert await cursor.fetchall() == ((f"/*a='1%%25'*/ {RUNNING}",),)
            await cursor.execute(query=f"{RUNNING} and 0 = %s", args=(0,))
            assert await cursor.fetchall() == ((f"/*a='1%25'*/ {RUNNING} and 0 = 0",),)
            await cursor.execute("create temporary table t (a int)")
            await cursor.executemany("insert into t values (%s)", [(1,), (2,)])
            assert bytes(cursor._executed) == b"insert into t values (1),(2)"

    run(used())
    assert texts(recorder)[-1] == "insert into t values (%s)"


if hasattr(asyncmy.connection, "PreparedStatement"):  # newer releases prepare statements

    @pytest.mark.parametrize("varies", [False, True], ids=["the same comment", "another one each time"])
    def test_a_connection_that_keeps_prepared_statements_goes_on_preparing_each_once(
        recorder: Recorder, monkeypatch: pytest.MonkeyPatch, varies: bool
    ) -> None:
        class Says:
            fields = ("traceparent",) if varies else ()

            def inject(self, pairs: dict[str, str], context: Any) -> None:
                pairs["a"] = str(get_current_span(context).get_span_context().span_id if varies else 1)

        monkeypatch.setattr(db, "get_global_textmap", lambda: SimpleNamespace(statements=Says()))

        async def used() -> list[str]:
            async with connected(stmt_cache_size=8) as connection, connection.cursor() as cursor:
                for number in range(3):
                    await cursor.execute("select %s + 1", (number,))
                    assert await cursor.fetchone() == (number + 1,)
                return list(connection._stmt_cache)

        assert run(used()) == ["select %s + 1" if varies else "/*a='1'*/ select %s + 1"]
        assert texts(recorder) == ["select %s + 1"] * 3

    def test_a_prepared_statement_has_a_span_for_each_time_that_it_is_sent(recorder: Recorder) -> None:
        async def used() -> list[Any]:
            async with connected() as connection:
                async with connection.cursor() as cursor:
                    await cursor.execute("create temporary table t (a int, b text)")
                async with await connection.prepare(query="insert into t values (?, ?)") as insert:
                    assert isinstance(insert, asyncmy.connection.PreparedStatement)
                    assert insert.parameter_count == 2
                    await insert.execute((1, "one"))
                    await insert.execute_bulk([(2, "two"), (3, "three")])
                select = await connection.prepare(b"select b from t where a > ? order by a")
                found = (await select.execute(args=(1,))).rows
                with pytest.raises(asyncmy.errors.ProgrammingError):
                    await select.execute((1, 2))
                await select.close()
                return [row[0] for row in found]

        assert run(used()) == ["two", "three"]
        create, *spans = recorder.take()
        told = ("db.query.text", "db.driver.call", "db.row_count", "server.address", "db.namespace")
        assert [tuple((span.attributes or {}).get(key) for key in told) for span in spans] == [
            ("insert into t values (?, ?)", "execute", 1, "127.0.0.1", "test"),
            ("insert into t values (?, ?)", "execute_bulk", 2, "127.0.0.1", "test"),
            ("select b from t where a > ? order by a", "execute", 2, "127.0.0.1", "test"),
            ("select b from t where a > ? order by a", "execute", None, "127.0.0.1", "test"),
        ]
        assert [span.status.is_ok or span.status.is_unset for span in spans] == [True, True, True, False]
        assert (create.name, spans[0].name, spans[2].name) == ("CREATE", "INSERT", "SELECT")

    def test_a_statement_that_is_prepared_before_its_time_is_the_drivers_and_falls_silent(mariadb: str) -> None:
        recorder = Recorder()

        async def used() -> None:
            async with connected() as connection:
                early = await connection.prepare("select ? + 1")
                with instrumented(AsyncmyInstrumentor, recorder.provider):
                    kept = await connection.prepare("select ? + 2")
                    assert (await early.execute((1,))).rows == ((2,),)
                    assert (await kept.execute((1,))).rows == ((3,),)
                assert (await kept.execute((2,))).rows == ((4,),)

        run(used())
        assert texts(recorder) == ["select ? + 2"]


def test_cursors_are_of_the_class_that_is_asked_for_by_name_and_by_default(recorder: Recorder) -> None:
    class Own(asyncmy.cursors.DictCursor):
        pass

    async def used() -> None:
        async with connected(cursor_cls=asyncmy.cursors.DictCursor) as connection:
            for cursor in (connection.cursor(), connection.cursor(cursor=Own), connection.cursor(Own)):
                assert isinstance(cursor, asyncmy.cursors.DictCursor)
                await cursor.execute("select 1 as one")
                assert await cursor.fetchall() == [{"one": 1}]
                await cursor.close()

    run(used())
    assert texts(recorder) == ["select 1 as one"] * 3
