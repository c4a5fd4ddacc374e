"""asyncpg, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.trace import SpanKind

from otel_instrumentors.asyncpg import AsyncpgInstrumentor
from otel_instrumentors.semconv import db
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

RUNNING = "select query from pg_stat_activity where pid = pg_backend_pid()"


def url() -> str:
    return os.environ["TEST_POSTGRESQL_URL"]


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[Any]:
    import asyncpg

    connection = await asyncpg.connect(url(), **options)
    try:
        yield connection
    finally:
        await connection.close()


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


class TestAsyncpgContract(Contract):
    instrumentor = AsyncpgInstrumentor
    servers = ("postgresql",)
    # Of the first the socket is open by then, and nobody closes it. The others, as the test breaks them, raise when
    # called and not when awaited: in older releases nothing tells that they are coroutine functions.
    unbreakable = ("Connection.__init__", "Protocol.bind_execute", "Protocol.bind_execute_many")

    @staticmethod
    def use() -> Any:
        async def used() -> Any:
            async with connected() as connection:
                await connection.execute("create temporary table t (a int)")
                await connection.executemany("insert into t values ($1)", [(1,), (2,)])
                return [row["a"] for row in await connection.fetch("select a from t order by a")]

        return run(used())


@pytest.fixture
def recorder(postgresql: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(AsyncpgInstrumentor, recorder.provider):
        yield recorder


def calls(recorder: Recorder) -> list[tuple[Any, Any]]:
    """Of each span the driver's method and the statement."""
    found = [dict(span.attributes or {}) for span in recorder.take()]
    return [(attributes["db.driver.call"], attributes.get("db.query.text")) for attributes in found]


def test_a_statement_is_a_client_span_that_says_where_it_was_sent(recorder: Recorder) -> None:
    async def used() -> None:
        async with connected() as connection:
            await connection.execute("create temporary table t (a int)")
            await connection.executemany("insert into t values ($1)", [(1,), (2,)])
            assert await connection.fetchval("select count(*) from t where a > $1", 1) == 1

    run(used())
    spans = recorder.take()
    assert {span.kind for span in spans} == {SpanKind.CLIENT}
    where = urlsplit(url())
    common = {
        "db.system.name": "postgresql",
        "db.namespace": where.path[1:],
        "db.user": where.username,
        "server.address": where.hostname,
        "server.port": where.port,
    }
    assert [{"name": span.name, **dict(span.attributes or {})} for span in spans] == [
        {"name": "CONNECT", **common, "db.driver.call": "connect"},
        {"name": "CREATE", **common, "db.driver.call": "query", "db.query.text": "create temporary table t (a int)"},
        {
            "name": "INSERT",
            **common,
            "db.driver.call": "bind_execute_many",
            "db.query.text": "insert into t values ($1)",
        },
        {
            "name": "SELECT",
            **common,
            "db.driver.call": "bind_execute",
            "db.query.text": "select count(*) from t where a > $1",
        },
    ]


def test_a_prepared_statement_has_a_span_for_each_time_that_it_is_sent(recorder: Recorder) -> None:
    async def used() -> None:
        async with connected() as connection:
            statement = await connection.prepare("select $1::int + 1")
            assert [await statement.fetchval(number) for number in (1, 2)] == [2, 3]

    run(used())
    assert calls(recorder)[1:] == [("bind_execute", "select $1::int + 1")] * 2


def test_a_cursor_has_a_span_for_each_fetch_in_its_transaction(recorder: Recorder) -> None:
    numbers = "select generate_series(1, 5) as n"

    async def used() -> None:
        async with connected() as connection, connection.transaction():
            assert [row["n"] async for row in connection.cursor(numbers, prefetch=2)] == [1, 2, 3, 4, 5]
            cursor = await connection.cursor(numbers)
            assert (await cursor.fetchrow())["n"] == 1

    run(used())
    assert calls(recorder)[1:] == [
        ("query", "BEGIN;"),
        ("bind_execute", numbers),
        ("execute", numbers),
        ("execute", numbers),
        ("execute", numbers),
        ("query", "COMMIT;"),
    ]


def test_copy_is_a_statement_and_all_rows_arrive(recorder: Recorder) -> None:
    output = io.BytesIO()

    async def used() -> list[Any]:
        async with connected() as connection:
            await connection.execute("create temporary table t (a int, b bytea)")
            await connection.copy_to_table("t", source=io.BytesIO(b"1\t\\\\x00ff\n"))
            await connection.copy_records_to_table("t", records=[(2, b"\xff"), (3, None)])
            await connection.copy_from_query("select a from t order by a", output=output)
            return [tuple(row) for row in await connection.fetch("select * from t order by a")]

    assert run(used()) == [(1, b"\x00\xff"), (2, b"\xff"), (3, None)]
    assert output.getvalue() == b"1\n2\n3\n"
    assert [(call, text.rstrip()) for call, text in calls(recorder) if call.startswith("copy")] == [
        ("copy_in", 'COPY "t" FROM STDIN'),
        ("copy_in", 'COPY "t" FROM STDIN (FORMAT binary)'),
        ("copy_out", "COPY (select a from t order by a) TO STDOUT"),
    ]


def test_a_pool_shows_its_statements_with_the_server_and_no_connecting(recorder: Recorder) -> None:
    import asyncpg

    async def used() -> None:
        async with asyncpg.create_pool(url(), min_size=1, max_size=1) as pool:
            assert await pool.fetchval("select 7") == 7

    run(used())
    statement, reset = recorder.take()
    assert dict(statement.attributes or {})["server.port"] == urlsplit(url()).port
    assert str(dict(reset.attributes or {})["db.query.text"]).startswith("SELECT pg_advisory_unlock_all()")


def test_statements_at_one_time_are_each_a_child_of_their_caller(recorder: Recorder) -> None:
    import asyncpg

    tracer = recorder.provider.get_tracer("app")

    async def caller(pool: Any, number: int) -> None:
        with tracer.start_as_current_span(f"caller {number}"):
            async with pool.acquire() as connection:
                await connection.fetch(f"select {number}")

    async def used() -> None:
        async with asyncpg.create_pool(url(), min_size=1, max_size=3) as pool:
            await asyncio.gather(*(caller(pool, number) for number in range(6)))

    run(used())
    spans = recorder.take()
    callers = {span.context.span_id: span.name for span in spans if span.kind is SpanKind.INTERNAL}
    found = sorted(
        (callers[span.parent.span_id], (span.attributes or {})["db.query.text"])
        for span in spans
        if span.parent and (span.attributes or {}).get("db.driver.call") == "bind_execute"
    )
    assert found == [(f"caller {number}", f"select {number}") for number in range(6)]


def test_errors_are_recorded_and_raised(recorder: Recorder) -> None:
    import asyncpg

    async def used() -> None:
        async with connected() as connection:
            with pytest.raises(asyncpg.PostgresSyntaxError):
                await connection.execute("selec 1")
            with pytest.raises(asyncio.TimeoutError):
                await connection.execute("select pg_sleep(600)", timeout=0.05)
            with pytest.raises(asyncpg.DivisionByZeroError):
                await connection.fetch("select 1 / $1::int", 0)
        with pytest.raises(OSError, match=r"[Cc]onnect"):
            await asyncpg.connect(host="127.0.0.1", port=1, user="none", database="none")

    run(used())
    errors = [(span.attributes or {}).get("error.type") for span in recorder.take()]
    assert errors[1::2] == ["asyncpg.exceptions.PostgresSyntaxError", "asyncpg.exceptions.DivisionByZeroError"]
    assert errors[0] is None
    assert "TimeoutError" in str(errors[2])
    assert "Error" in str(errors[4])


def test_a_connection_that_is_there_already_is_traced(postgresql: str) -> None:
    recorder = Recorder()

    async def used() -> None:
        async with connected() as connection:
            with instrumented(AsyncpgInstrumentor, recorder.provider):
                await connection.execute("select 1")
            await connection.execute("select 2")

    run(used())
    (span,) = recorder.take()
    assert dict(span.attributes or {}) == {
        "db.system.name": "postgresql",
        "db.driver.call": "query",
        "db.query.text": "select 1",
    }


def test_only_a_statement_that_is_not_prepared_bears_a_comment(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Says:
        def inject(self, pairs: dict[str, str], _context: Any) -> None:
            pairs["a"] = "1%"

    monkeypatch.setattr(db, "get_global_textmap", lambda: SimpleNamespace(statements=Says()))

    async def used() -> None:
        async with connected() as connection, connected() as other:
            await connection.execute("select 1")
            pid = connection.get_server_pid()
            assert await other.fetchval("select query from pg_stat_activity where pid = $1", pid) == (
                "/*a='1%25'*/ select 1"
            )
            assert await connection.fetchval(RUNNING) == RUNNING
            assert await connection.execute("create temporary table t (a int)") == "CREATE TABLE"

    run(used())
    assert ("query", "select 1") in calls(recorder)
