"""SQLAlchemy, above drivers that are traced and drivers that are not: one span for a statement."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import pytest

from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.mysql_connector import MysqlConnectorInstrumentor
from otel_instrumentors.mysqldb import MysqldbInstrumentor
from otel_instrumentors.psycopg import PsycopgInstrumentor
from otel_instrumentors.sqlalchemy import SqlalchemyInstrumentor
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

DRIVERS: dict[str, type[Instrumentor]] = {
    "postgresql+psycopg2": PsycopgInstrumentor,
    "mysql+mysqldb": MysqldbInstrumentor,
    "mysql+mysqlconnector": MysqlConnectorInstrumentor,
    "sqlite": Sqlite3Instrumentor,
}
if find_spec("sqlalchemy.dialects.postgresql.psycopg"):  # since 2.0
    DRIVERS["postgresql+psycopg"] = PsycopgInstrumentor
UNTRACED = "mysql+pymysql"
UNSEEN = ("postgresql+psycopg2", "sqlite")
"""Drivers in C, whose connections cannot be traced where they were there before."""


def url(driver: str) -> str:
    if driver.startswith("sqlite"):
        return driver + "://"
    variable = "TEST_POSTGRESQL_URL" if driver.startswith("postgresql") else "TEST_MARIADB_URL"
    return driver + "://" + os.environ[variable].partition("://")[2]


def engine_of(driver: str) -> Any:
    """An engine that has asked already what it asks on its first connection."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(url(driver))
    engine.connect().close()
    return engine


class TestSqlalchemyContract(Contract):
    instrumentor = SqlalchemyInstrumentor

    @staticmethod
    def use() -> Any:
        from sqlalchemy import create_engine, text
        from sqlalchemy.exc import StatementError

        engine = create_engine("sqlite://")
        try:
            with engine.connect() as connection:
                connection.execute(text("CREATE TABLE t (a INTEGER)"))
                connection.execute(text("INSERT INTO t VALUES (:a)"), [{"a": 1}, {"a": 2}])
                return [tuple(row) for row in connection.execute(text("SELECT a FROM t ORDER BY a"))]
        except StatementError as wrapped:  # until 1.3 whatever is raised on the first connection
            raise (wrapped.orig or wrapped) from None
        finally:
            engine.dispose()


@contextmanager
def traced(*instrumentors: type[Instrumentor]) -> Iterator[Recorder]:
    recorder = Recorder()
    with ExitStack() as stack:
        for instrumentor in instrumentors:
            stack.enter_context(instrumented(instrumentor, recorder.provider))
        yield recorder


def told(recorder: Recorder) -> list[tuple[str, Any]]:
    """Of each statement by whom its span is, and its text; without the ends of transactions."""
    return [
        (span.instrumentation_scope.name.rpartition(".")[2], (span.attributes or {})["db.query.text"])
        for span in recorder.take()
        if span.instrumentation_scope and "db.query.text" in (span.attributes or {})
    ]


def work(engine: Any) -> None:
    from sqlalchemy import text

    with engine.connect() as connection:
        connection.execute(text("create temporary table t (a integer)"))
        connection.execute(text("insert into t values (:a)"), [{"a": 1}, {"a": 2}])
        assert [tuple(row) for row in connection.execute(text("select a from t where a > :a"), {"a": 1})] == [(2,)]
        with pytest.raises(Exception, match="nope"):
            connection.execute(text("select * from nope"))


def beginnings(told: list[tuple[str, Any]]) -> list[str]:
    """The texts, as far as they are alike for all drivers."""
    return [text.partition(" where")[0].partition(" (")[0].partition(" values")[0] for _, text in told]


BEGINNINGS = ["create temporary table t", "insert into t", "select a from t", "select * from nope"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_statement_of_a_traced_driver_is_one_span_the_drivers(driver: str, postgresql: str, mariadb: str) -> None:
    early = None if driver in UNSEEN else engine_of(driver)
    with traced(SqlalchemyInstrumentor, DRIVERS[driver]) as recorder:
        for engine in filter(None, (early, engine_of(driver))):
            recorder.take()
            work(engine)
            # MySQL Connector asks for the mode of its session before it sends rows.
            spans = [each for each in told(recorder) if "@@" not in each[1]]
            assert {plugin for plugin, _ in spans} == {DRIVERS[driver].__module__.rpartition(".")[2]}
            assert beginnings(spans) == BEGINNINGS
            engine.dispose()


@pytest.mark.parametrize("driver", [*DRIVERS, UNTRACED])
def test_a_statement_of_a_driver_that_is_not_traced_is_one_span_of_sqlalchemys(
    driver: str, postgresql: str, mariadb: str
) -> None:
    early = engine_of(driver)
    with traced(SqlalchemyInstrumentor) as recorder:
        for engine in (early, engine_of(driver)):
            recorder.take()
            work(engine)
            spans = told(recorder)
            assert {plugin for plugin, _ in spans} == {"sqlalchemy"}
            assert beginnings(spans) == BEGINNINGS
            engine.dispose()


@pytest.mark.parametrize("driver", UNSEEN)
def test_a_connection_that_a_driver_cannot_trace_is_sqlalchemys(driver: str, postgresql: str) -> None:
    engine = engine_of(driver)
    with traced(SqlalchemyInstrumentor, DRIVERS[driver]) as recorder:
        work(engine)
        spans = told(recorder)
    engine.dispose()

    assert {plugin for plugin, _ in spans} == {"sqlalchemy"}
    assert beginnings(spans) == BEGINNINGS


def test_a_span_of_sqlalchemys_says_where_the_statement_was_sent_and_how_long_it_took(mariadb: str) -> None:
    from sqlalchemy import text

    engine = engine_of(UNTRACED)
    with traced(SqlalchemyInstrumentor) as recorder:
        tracer = recorder.provider.get_tracer("application")
        with tracer.start_as_current_span("around"), engine.connect() as connection:
            connection.execute(text("select sleep(0.05), :a"), {"a": 1})
        span, around = recorder.take()
    engine.dispose()

    assert (span.name, span.kind.name) == ("SELECT", "CLIENT")
    assert dict(span.attributes or {}) == {
        "db.system.name": "mysql",
        "db.namespace": "test",
        "server.address": "127.0.0.1",
        "server.port": urlsplit(url(UNTRACED)).port,
        "db.query.text": "select sleep(0.05), %(a)s",
        "db.driver.call": "execute",
        "db.row_count": 1,
    }
    assert span.parent == around.context
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time >= 50_000_000


def test_an_error_is_recorded_on_the_one_span(mariadb: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import ProgrammingError

    engine = engine_of(UNTRACED)
    with traced(SqlalchemyInstrumentor) as recorder:
        with pytest.raises(ProgrammingError, match="doesn't exist"), engine.connect() as connection:
            connection.execute(text("select * from nope"))
        (span,) = recorder.take()
    engine.dispose()

    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})["error.type"] == "pymysql.err.ProgrammingError"
    assert len(span.events) == 1


def test_the_orm_makes_a_span_for_each_statement_it_sends() -> None:
    from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, orm

    metadata = MetaData()
    books = Table("books", metadata, Column("id", Integer, primary_key=True), Column("title", String))

    class Book:
        def __init__(self, title: str) -> None:
            self.title = title

    orm.registry().map_imperatively(Book, books) if hasattr(orm, "registry") else orm.mapper(Book, books)
    engine = create_engine("sqlite://")
    connection = engine.connect()
    metadata.create_all(connection)
    with traced(SqlalchemyInstrumentor, Sqlite3Instrumentor) as recorder:
        session = orm.Session(bind=connection)
        session.add(Book(title="Momo"))
        session.flush()
        assert session.query(Book).count() == 1
        session.close()
        spans = told(recorder)
    connection.close()
    engine.dispose()

    assert [plugin for plugin, _ in spans] == ["sqlalchemy"] * 2
    assert spans[0][1].startswith("INSERT INTO books (title)")


def test_what_an_application_does_in_the_drivers_place_is_no_statement() -> None:
    from sqlalchemy import create_engine, event, text

    engine = create_engine("sqlite://")

    @event.listens_for(engine, "do_execute")
    def replaced(cursor: Any, _statement: str, _parameters: Any, _context: Any) -> bool:
        cursor.execute("select 42")
        return True

    with traced(SqlalchemyInstrumentor) as recorder:
        with engine.connect() as connection:
            assert [tuple(row) for row in connection.execute(text("select 1"))] == [(42,)]
        assert recorder.take() == []
    engine.dispose()


if find_spec("sqlalchemy.ext.asyncio"):  # since 1.4

    @pytest.mark.parametrize(
        ("driver", "whose"),
        [("postgresql+psycopg", "psycopg"), ("postgresql+asyncpg", "sqlalchemy"), ("sqlite+aiosqlite", "sqlite3")],
    )
    def test_an_asynchronous_engine_makes_one_span_for_a_statement_below_what_awaits_it(
        driver: str, whose: str, postgresql: str
    ) -> None:
        from sqlalchemy import text
        from sqlalchemy.ext.asyncio import create_async_engine

        async def ask(engine: Any, recorder: Recorder, number: int) -> None:
            with recorder.provider.get_tracer("application").start_as_current_span(f"task {number}"):
                async with engine.connect() as connection:
                    found = await connection.execute(text("select :a + 0"), {"a": number})
                    assert [row[0] for row in found] == [number]
                    with pytest.raises(Exception, match="nope"):
                        await connection.execute(text("select * from nope"))

        async def main() -> list[Any]:
            early = create_async_engine(url(driver))
            with traced(SqlalchemyInstrumentor, PsycopgInstrumentor, Sqlite3Instrumentor) as recorder:
                late = create_async_engine(url(driver))
                for engine in (early, late):
                    async with engine.connect():
                        pass
                recorder.take()
                await asyncio.gather(ask(early, recorder, 1), ask(late, recorder, 2))
                spans = recorder.take()
                await early.dispose()
                await late.dispose()
            return spans

        spans = asyncio.run(main())

        tasks = {span.context.span_id for span in spans if span.name.startswith("task")}
        statements = [span for span in spans if "db.query.text" in span.attributes]
        assert len(statements) == 4
        assert {span.instrumentation_scope.name.rpartition(".")[2] for span in statements} == {whose}
        assert {span.parent.span_id for span in statements} == tasks
