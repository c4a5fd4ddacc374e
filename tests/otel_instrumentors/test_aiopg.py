"""aiopg, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiopg
import psycopg2
import pytest
from opentelemetry import propagate
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from psycopg2 import sql

from otel_instrumentors.aiopg import AiopgInstrumentor
from otel_instrumentors.psycopg import PsycopgInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


def where() -> dict[str, Any]:
    url = urlsplit(os.environ["TEST_POSTGRESQL_URL"])
    return {"dbname": url.path[1:], "user": url.username, "host": url.hostname, "port": url.port}


@asynccontextmanager
async def cursor(**more: Any) -> AsyncIterator[Any]:
    """A cursor of a connection of its own; without the types of extensions, which it would have to ask for."""
    async with aiopg.connect(**where(), enable_hstore=False, **more) as connection, connection.cursor() as made:
        yield made


class TestAiopgContract(Contract):
    instrumentor = AiopgInstrumentor
    servers = ("postgresql",)

    @staticmethod
    def use() -> Any:
        async def statements() -> Any:
            async with cursor() as made:
                await made.execute("SELECT %s", (7,))
                seven = await made.fetchone()
                await made.callproc("upper", ["tea"])
                return [seven, await made.fetchall()]

        return asyncio.run(statements())


@pytest.fixture(autouse=True)
def _postgresql(postgresql: str) -> None:
    """All of these need it."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(AiopgInstrumentor, recorder.provider):
        yield recorder


def names(recorder: Recorder) -> list[str]:
    return [span.name for span in recorder.take()]


def test_a_single_connection_is_instrumented_and_left_again() -> None:
    recorder = Recorder()

    async def asked() -> list[list[str]]:
        told = []
        async with cursor() as other, aiopg.connect(**where(), enable_hstore=False) as connection:
            for do in (AiopgInstrumentor().instrument_connection, AiopgInstrumentor().uninstrument_connection):
                options = {"tracer_provider": recorder.provider} if not told else {}
                assert do(connection, **options) is connection
                async with connection.cursor() as made:
                    await made.execute("SELECT 1")
                await other.execute("SELECT 2")
                told.append(names(recorder))
        return told

    assert asyncio.run(asked()) == [["SELECT"], []]


def known() -> dict[str, Any]:
    """What spans tell of the server."""
    at = where()
    return {
        "db.system.name": "postgresql",
        "db.namespace": at["dbname"],
        "db.user": at["user"],
        "server.address": at["host"],
        "server.port": at["port"],
    }


def test_a_statement_is_a_client_span_below_the_current_one(recorder: Recorder) -> None:
    async def select() -> None:
        async with cursor(application_name="till") as made:
            with recorder.provider.get_tracer("application").start_as_current_span("work") as work:
                await made.execute("SELECT * FROM generate_series(1, %s)", (3,))
                assert get_current_span() is work
            assert len(await made.fetchall()) == 3

    asyncio.run(select())
    span, work = recorder.take()
    assert span.parent is not None
    assert span.parent.span_id == work.context.span_id
    assert (span.name, span.kind.name) == ("SELECT", "CLIENT")
    assert dict(span.attributes or {}) == {
        **known(),
        "db.query.text": "SELECT * FROM generate_series(1, %s)",
        "db.driver.call": "execute",
        "db.client.name": "till",
        "db.row_count": 3,
    }


def test_the_span_lasts_until_the_answer_is_there(recorder: Recorder) -> None:
    async def sleep() -> None:
        async with cursor() as made:
            await made.execute("SELECT pg_sleep(0.3)")

    asyncio.run(sleep())
    (span,) = recorder.take()
    assert (span.end_time or 0) - (span.start_time or 0) >= 300_000_000


def test_the_driver_below_makes_no_second_span_and_none_of_its_own_is_lost(recorder: Recorder) -> None:
    async def select() -> None:
        async with cursor() as made:
            await made.execute("SELECT 1")
            await made.callproc("upper", ["tea"])

    with instrumented(PsycopgInstrumentor, recorder.provider):
        asyncio.run(select())
        assert names(recorder) == ["SELECT", "UPPER"]
        connection = psycopg2.connect(**where())
        with connection.cursor() as plain:
            plain.execute("SELECT 2")
        connection.close()
        assert names(recorder) == ["SELECT"]


def test_statements_at_the_same_time_are_each_below_their_own_parent(recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("application")

    async def visit(pool: Any, number: int) -> None:
        with tracer.start_as_current_span(f"visit {number}"):
            async with pool.acquire() as connection, connection.cursor() as made:
                await made.execute("SELECT %s", (number,))
                await asyncio.sleep(0)
                await made.execute("SELECT %s", (number,))

    async def visits() -> None:
        async with aiopg.create_pool(**where(), enable_hstore=False, maxsize=4) as pool:
            await asyncio.gather(*(visit(pool, number) for number in range(8)))

    asyncio.run(visits())
    spans = recorder.take()
    visits_ = [span.context.span_id for span in spans if span.name.startswith("visit")]
    parents = [span.parent.span_id for span in spans if span.name == "SELECT" and span.parent]
    assert sorted(parents) == sorted(visits_ * 2)
    assert len(visits_) == 8


def test_what_a_pool_gives_is_traced(recorder: Recorder) -> None:
    async def select() -> Any:
        async with (
            aiopg.create_pool(**where(), enable_hstore=False, maxsize=1) as pool,
            pool.acquire() as connection,
            connection.cursor() as made,
        ):
            await made.execute("SELECT 7")
            return await made.fetchone()

    assert asyncio.run(select()) == (7,)
    assert names(recorder) == ["SELECT"]


def test_a_transaction_is_its_statements(recorder: Recorder) -> None:
    async def change() -> None:
        async with cursor() as made:
            await made.execute("CREATE TEMPORARY TABLE cups (kind text)")
            async with made.begin():
                await made.execute("INSERT INTO cups VALUES (%s)", ("green",))
            with pytest.raises(ZeroDivisionError):
                async with made.begin():
                    raise ZeroDivisionError

    asyncio.run(change())
    assert names(recorder) == ["CREATE", "BEGIN", "INSERT", "COMMIT", "BEGIN", "ROLLBACK"]


def test_what_the_server_refuses_is_an_error(recorder: Recorder) -> None:
    async def fail() -> None:
        async with cursor() as made:
            with pytest.raises(psycopg2.errors.UndefinedTable):
                await made.execute("SELECT * FROM nowhere_to_be_found")

    asyncio.run(fail())
    (span,) = recorder.take()
    assert dict(span.attributes or {})["error.type"] == "psycopg2.errors.UndefinedTable"
    assert not span.status.is_ok
    assert [event.name for event in span.events] == ["exception"]


def test_what_the_driver_refuses_is_an_error(recorder: Recorder) -> None:
    async def fail() -> None:
        async with cursor() as made:
            with pytest.raises(psycopg2.ProgrammingError):
                await made.executemany("SELECT %s", [(1,), (2,)])

    asyncio.run(fail())
    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert (attributes["db.query.text"], attributes["error.type"]) == ("SELECT %s", "psycopg2.ProgrammingError")


def test_a_statement_that_takes_too_long_is_an_error_and_one_that_is_cancelled_is_none(recorder: Recorder) -> None:
    async def fail() -> None:
        async with cursor() as made:
            with pytest.raises(asyncio.TimeoutError):
                await made.execute("SELECT pg_sleep(60)", timeout=0.05)
        async with cursor() as made:
            waiting = asyncio.ensure_future(made.execute("SELECT pg_sleep(60)"))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(fail())
    slow, cancelled = recorder.take()
    assert str(dict(slow.attributes or {})["error.type"]).endswith("TimeoutError")
    assert cancelled.status.is_unset


def test_literals_that_are_composed_into_a_statement_are_not_shown(recorder: Recorder) -> None:
    async def select() -> None:
        async with cursor() as made:
            await made.execute(sql.SQL("SELECT {}").format(sql.Literal("secret")))
            assert await made.fetchone() == ("secret",)

    asyncio.run(select())
    (span,) = recorder.take()
    assert dict(span.attributes or {})["db.query.text"] == "SELECT ?"


class _Commenting(TraceContextTextMapPropagator):
    """Comments tell who asks."""

    @property
    def statements(self) -> Any:
        return self


def test_a_statement_bears_one_comment_though_the_driver_below_could_add_another(recorder: Recorder) -> None:
    async def running() -> str:
        async with cursor() as made:
            await made.execute("SELECT current_query(), %s", (7,))
            (text, _) = await made.fetchone()
            return str(text)

    before = propagate.get_global_textmap()
    propagate.set_global_textmap(_Commenting())
    try:
        with instrumented(PsycopgInstrumentor, recorder.provider):
            text = asyncio.run(running())
    finally:
        propagate.set_global_textmap(before)
    (span,) = recorder.take()
    context = span.get_span_context()
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    assert text == f"/*traceparent='{parent}'*/ SELECT current_query(), 7"
    assert dict(span.attributes or {})["db.query.text"] == "SELECT current_query(), %s"


def test_a_statement_that_is_given_by_name_is_told(recorder: Recorder) -> None:
    async def select() -> None:
        async with cursor() as made:
            await made.execute(operation="SELECT %(kind)s", parameters={"kind": "green"})
            assert await made.fetchone() == ("green",)

    asyncio.run(select())
    (span,) = recorder.take()
    assert dict(span.attributes or {})["db.query.text"] == "SELECT %(kind)s"


def test_what_was_made_before_is_traced() -> None:
    recorder = Recorder()

    async def select() -> None:
        async with cursor() as made:
            with instrumented(AiopgInstrumentor, recorder.provider):
                await made.execute("SELECT 1")
            await made.execute("SELECT 2")

    asyncio.run(select())
    assert names(recorder) == ["SELECT"]
