"""psycopg 3 and psycopg2, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_instrumentors.psycopg import PsycopgInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

RUNNING = "SELECT current_query()"


def url() -> str:
    return os.environ["TEST_POSTGRESQL_URL"]


def connected(driver: str) -> Any:
    """A connection of one of the two drivers."""
    import psycopg
    import psycopg2

    return {"psycopg": psycopg, "psycopg2": psycopg2}[driver].connect(url())


class TestPsycopgContract(Contract):
    instrumentor = PsycopgInstrumentor
    servers = ("postgresql",)

    @staticmethod
    def use() -> Any:
        answers = []
        for driver in ("psycopg2", "psycopg"):
            with closing(connected(driver)) as connection, closing(connection.cursor()) as cursor:
                cursor.execute("CREATE TEMP TABLE t (a int)")
                cursor.executemany("INSERT INTO t VALUES (%s)", [(1,), (2,)])
                connection.commit()
                cursor.execute("SELECT a FROM t ORDER BY a")
                answers.append(cursor.fetchall())
        return answers


@pytest.fixture
def recorder(postgresql: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(PsycopgInstrumentor, recorder.provider):
        yield recorder


def shown(recorder: Recorder) -> list[dict[str, Any]]:
    return [{"name": span.name, **dict(span.attributes or {})} for span in recorder.take()]


def texts(recorder: Recorder) -> list[Any]:
    return [(span.attributes or {}).get("db.query.text", span.name) for span in recorder.take()]


def common() -> dict[str, Any]:
    return {
        "db.system.name": "postgresql",
        "db.namespace": "postgres",
        "server.address": "127.0.0.1",
        "server.port": urlsplit(url()).port,
        "db.user": "postgres",
    }


both = pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])


@both
def test_a_statement_is_a_client_span_that_says_where_it_was_sent(recorder: Recorder, driver: str) -> None:
    with closing(connected(driver)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("create temp table t (a int)")
        cursor.executemany("insert into t values (%s)", [(1,), (2,), (3,)])
        connection.commit()
        cursor.execute("select a from t where a > %(a)s", {"a": 1})
        connection.rollback()
    before = "psycopg." if driver == "psycopg" else ""

    assert shown(recorder) == [
        {"name": "CREATE", **common(), "db.query.text": "create temp table t (a int)", "db.driver.call": "execute"},
        {
            "name": "INSERT",
            **common(),
            "db.query.text": "insert into t values (%s)",
            "db.driver.call": "executemany",
            "db.row_count": 3,
        },
        {"name": "COMMIT", **common(), "db.driver.call": f"{before}commit"},
        {
            "name": "SELECT",
            **common(),
            "db.query.text": "select a from t where a > %(a)s",
            "db.driver.call": "execute",
            "db.row_count": 2,
        },
        {"name": "ROLLBACK", **common(), "db.driver.call": f"{before}rollback"},
    ]


@both
def test_an_error_is_recorded_and_raised(recorder: Recorder, driver: str) -> None:
    import psycopg
    import psycopg2.errors

    undefined = {"psycopg": psycopg.errors, "psycopg2": psycopg2.errors}[driver].UndefinedTable
    with (
        closing(connected(driver)) as connection,
        closing(connection.cursor()) as cursor,
        pytest.raises(undefined, match='relation "nope" does not exist'),
    ):
        cursor.execute("select * from nope")

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})["error.type"] == f"{driver}.errors.UndefinedTable"
    (event,) = span.events
    assert str(dict(event.attributes or {})["exception.message"]).startswith('relation "nope" does not exist')


@both
def test_leaving_with_ends_the_transaction_in_a_span(recorder: Recorder, driver: str) -> None:
    connection = connected(driver)
    with connection, connection.cursor() as cursor:
        cursor.execute("select 1")
    connection.close()
    connection = connected(driver)
    with pytest.raises(KeyError), connection:
        raise KeyError
    connection.close()

    assert texts(recorder) == ["select 1", "COMMIT", "ROLLBACK"]


@both
def test_server_side_cursors_are_traced_where_they_are_opened_and_read_quietly(recorder: Recorder, driver: str) -> None:
    with closing(connected(driver)) as connection, connection.cursor("reading") as cursor:
        cursor.execute("select * from generate_series(1, 5)")
        assert cursor.fetchmany(2) == [(1,), (2,)]
        assert list(cursor) == [(3,), (4,), (5,)]

    assert texts(recorder) == ["select * from generate_series(1, 5)"]


@both
def test_composed_sql_is_shown_without_its_literals_and_sent_as_it_is(recorder: Recorder, driver: str) -> None:
    import psycopg
    import psycopg2.sql

    sql: Any = {"psycopg": psycopg, "psycopg2": psycopg2}[driver].sql
    column = sql.Identifier('odd "name"')
    composed = sql.SQL("select {} as {}, %s").format(sql.Literal("it's a secret"), column)
    with closing(connected(driver)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(composed, (7,))
        assert cursor.fetchall() == [("it's a secret", 7)]
        assert cursor.description[0][0] == 'odd "name"'
        cursor.execute(sql.SQL("select 1"))
        cursor.execute(sql.SQL("select ") + sql.Composed([sql.Literal(2), sql.SQL(", "), sql.Literal(3)]))
        assert cursor.fetchall() == [(2, 3)]
        cursor.execute("select 'é'".encode())

    assert texts(recorder) == ['select ? as "odd ""name""", %s', "select 1", "select ?, ?", "select 'é'"]


@both
def test_a_literal_is_adapted_once(recorder: Recorder, driver: str) -> None:
    import psycopg
    import psycopg2.extensions
    import psycopg2.sql
    from psycopg.adapt import Dumper

    seen = []

    class Coin:
        def __conform__(self, _protocol: Any) -> Any:
            seen.append(self)
            return psycopg2.extensions.AsIs("7")

    class CoinDumper(Dumper):
        def dump(self, obj: Any) -> bytes:
            seen.append(obj)
            return b"7"

        def quote(self, obj: Any) -> bytes:
            return self.dump(obj)

    sql: Any = {"psycopg": psycopg, "psycopg2": psycopg2}[driver].sql
    with closing(connected(driver)) as connection:
        if driver == "psycopg":
            connection.adapters.register_dumper(Coin, CoinDumper)
        cursor = connection.cursor()
        cursor.execute(sql.SQL("select {}").format(sql.Literal(Coin())))
        with_us = len(seen)
        seen.clear()
        PsycopgInstrumentor().uninstrument()
        cursor.execute(sql.SQL("select {}").format(sql.Literal(Coin())))

    assert with_us == len(seen) > 0


@both
def test_connections_and_cursors_that_are_kept_fall_silent(recorder: Recorder, driver: str) -> None:
    connection = connected(driver)
    cursor = connection.cursor()
    PsycopgInstrumentor().uninstrument()
    cursor.execute("select 1")
    connection.cursor().execute("select 2")
    connection.commit()
    connection.close()

    assert recorder.take() == []


@both
def test_a_closed_connection_raises_what_it_always_did(recorder: Recorder, driver: str) -> None:
    import psycopg
    import psycopg2

    error: Any = {"psycopg": psycopg.OperationalError, "psycopg2": psycopg2.InterfaceError}[driver]
    connection = connected(driver)
    cursor = connection.cursor()
    connection.close()
    with pytest.raises(error, match="closed"):
        cursor.execute("select 1")

    assert [(span["name"], span["error.type"]) for span in shown(recorder)] == [
        ("SELECT", f"{driver}.{error.__name__}"),
    ]


def test_an_application_that_says_its_name_is_named(recorder: Recorder) -> None:
    import psycopg
    import psycopg2

    for driver in (psycopg, psycopg2):
        with closing(driver.connect(url(), application_name="till")) as connection:  # type: ignore[attr-defined]
            connection.cursor().execute("select 1")

    assert [span["db.client.name"] for span in shown(recorder)] == ["till", "till"]


# --- psycopg2: classes in C ---


def test_type_checks_of_psycopg2_keep_working(recorder: Recorder) -> None:
    import psycopg2.extensions
    import psycopg2.extras

    with closing(psycopg2.connect(url())) as connection, connection.cursor() as cursor:
        assert isinstance(connection, psycopg2.extensions.connection)
        assert isinstance(cursor, psycopg2.extensions.cursor)
        assert repr(type(cursor)) == "<class 'psycopg2.extensions.cursor'>"
        psycopg2.extensions.register_type(psycopg2.extensions.UNICODE, connection)
        psycopg2.extensions.register_type(psycopg2.extensions.UNICODE, cursor)
        psycopg2.extras.register_uuid(conn_or_curs=connection)
        psycopg2.extras.register_default_jsonb(connection)
        assert psycopg2.extensions.quote_ident("a b", cursor) == '"a b"'
        adapted = psycopg2.extensions.adapt("it's")
        adapted.prepare(connection)
        assert adapted.getquoted() == b"'it''s'"
        assert cursor.mogrify("select %s", ("x",)) == b"select 'x'"
        assert psycopg2.extensions.cursor(connection).mogrify("select 1") == b"select 1"


def test_factories_of_psycopg2_make_what_they_say_and_it_is_traced_once(recorder: Recorder) -> None:
    import psycopg2.extensions
    import psycopg2.extras

    class Audited(psycopg2.extensions.connection):
        made = 0

        def cursor(self, *args: Any, **kwargs: Any) -> Any:
            self.made += 1
            return super().cursor(*args, **kwargs)

    class Upper(psycopg2.extensions.cursor):
        def execute(self, query: Any, vars: Any = None) -> None:
            super().execute(query.upper(), vars)

    log = io.StringIO()
    with closing(psycopg2.connect(url(), connection_factory=Audited, cursor_factory=Upper)) as connection:
        cursor = connection.cursor()
        assert (type(connection).__name__, type(cursor).__name__, connection.made) == ("Audited", "Upper", 1)
        assert isinstance(cursor, Upper)
        assert connection.cursor_factory is Upper
        cursor.execute("select 1")
        connection.cursor(cursor_factory=psycopg2.extras.NamedTupleCursor).execute("select 2")
        connection.cursor("named", psycopg2.extras.RealDictCursor).execute("select 3")
        connection.cursor(None, None).execute("select 4")
    with closing(psycopg2.connect(url(), psycopg2.extras.LoggingConnection)) as logged:
        logged.initialize(log)
        logged.cursor().execute("select 5")
    with closing(psycopg2.connect(url(), connection_factory=psycopg2.extras.DictConnection)) as dicts:
        cursor = dicts.cursor()
        cursor.execute("select 6 as six")
        assert cursor.fetchone()["six"] == 6

    assert texts(recorder) == ["SELECT 1", "select 2", "select 3", "SELECT 4", "select 5", "select 6 as six"]
    assert log.getvalue() == "select 5" + os.linesep


def test_a_factory_of_psycopg2_that_is_no_class_is_left_alone_and_told_of_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    import psycopg2.extensions

    def make(dsn: str, *args: Any) -> Any:
        return psycopg2.extensions.connection(dsn, *args)

    for _ in range(2):
        with closing(psycopg2.connect(url(), connection_factory=make)) as connection:
            connection.cursor().execute("select 1")

    assert recorder.take() == []
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("Statements of psycopg2.extensions.connection are not traced for those made by ")


def test_connections_of_psycopg2_that_are_there_already_are_told_of_once(
    postgresql: str, caplog: pytest.LogCaptureFixture
) -> None:
    import psycopg2

    recorder = Recorder()
    with closing(psycopg2.connect(url())) as early, instrumented(PsycopgInstrumentor, recorder.provider):
        for _ in range(2):
            early.cursor().execute("select 1")

    assert recorder.take() == []
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("not traced for the 1 made before it was instrumented")


def test_who_took_connect_of_psycopg2_by_its_name_before_is_traced(
    postgresql: str, caplog: pytest.LogCaptureFixture
) -> None:
    from psycopg2 import connect

    recorder = Recorder()
    with instrumented(PsycopgInstrumentor, recorder.provider), closing(connect(url())) as connection:
        connection.cursor().execute("select 1")

    assert texts(recorder) == ["select 1"]
    assert caplog.records == []


def test_copy_call_and_pool_of_psycopg2(recorder: Recorder) -> None:
    import psycopg2.pool

    pool = psycopg2.pool.ThreadedConnectionPool(1, 2, url())
    connection = pool.getconn()
    cursor = connection.cursor()
    cursor.execute("create temp table t (a int)")
    cursor.copy_from(io.StringIO("7\n8\n"), "t")
    out = io.StringIO()
    cursor.copy_to(out, "t")
    cursor.copy_expert(sql="copy t to stdout csv header", file=out)
    cursor.callproc("abs", (-5,))
    assert (out.getvalue(), cursor.fetchall()) == ("7\n8\na\n7\n8\n", [(5,)])
    pool.putconn(connection)
    pool.closeall()

    assert [(span.get("db.query.text"), span.get("db.row_count")) for span in shown(recorder)] == [
        ("create temp table t (a int)", None),
        ("COPY t FROM STDIN", 2),
        ("COPY t TO STDOUT", 2),
        ("copy t to stdout csv header", 2),
        ("abs", 1),
        (None, None),
    ]


# --- psycopg 3: classes in Python ---


def test_connections_of_psycopg_3_that_are_there_already_are_traced(postgresql: str) -> None:
    import psycopg
    from psycopg import connect

    recorder = Recorder()
    early = psycopg.connect(url())
    cursor = early.cursor()
    with instrumented(PsycopgInstrumentor, recorder.provider):
        cursor.execute("select 1")
        early.execute("select 2")
        with closing(connect(url())) as connection:
            connection.execute("select 3")
    early.close()

    assert texts(recorder) == ["select 1", "select 2", "select 3"]


def test_cursors_of_all_kinds_copies_and_streams_of_psycopg_3(recorder: Recorder) -> None:
    import psycopg
    from psycopg.rows import dict_row

    class Upper(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            return super().execute(query.upper(), *args, **kwargs)

    with closing(psycopg.connect(url(), row_factory=dict_row)) as connection:
        connection.execute("create temp table t (a int)")
        with connection.cursor() as cursor, cursor.copy("copy t (a) from stdin") as copy:
            assert not trace.get_current_span().is_recording()
            copy.write_row((5,))
            copy.write_row((6,))
        assert list(connection.cursor().stream("select a from t")) == [{"a": 5}, {"a": 6}]
        Upper(connection, row_factory=dict_row).execute("select 1")
        with connection.transaction():
            connection.execute("select 2")
        with pytest.raises(KeyError), connection.cursor().copy(statement="copy t to stdout"):
            raise KeyError
    with closing(psycopg.connect(url())) as connection:
        for row in connection.cursor().stream(query="select 3"):
            assert row == (3,)
            break

    spans = recorder.take()
    assert [((span.attributes or {}).get("db.query.text"), span.status.status_code.name) for span in spans] == [
        ("create temp table t (a int)", "UNSET"),
        ("copy t (a) from stdin", "UNSET"),
        ("select a from t", "UNSET"),
        ("SELECT 1", "UNSET"),
        ("select 2", "UNSET"),
        ("copy t to stdout", "ERROR"),
        ("select 3", "UNSET"),
    ]
    assert (spans[1].attributes or {})["db.row_count"] == 2


def test_statements_of_asynchronous_connections_are_spans_below_what_awaits_them(recorder: Recorder) -> None:
    import psycopg

    tracer = recorder.provider.get_tracer("application")

    async def ask(number: int) -> None:
        async with await psycopg.AsyncConnection.connect(url()) as connection:
            with tracer.start_as_current_span(f"task {number}"):
                cursor = await connection.execute("select %s::int", (number,))
                assert await cursor.fetchall() == [(number,)]
                async with connection.cursor("reading") as reading:
                    await reading.execute("select 1")

    async def main() -> None:
        await asyncio.gather(*(ask(number) for number in range(3)))
        async with await psycopg.AsyncConnection.connect(url()) as connection, connection.cursor() as cursor:
            await cursor.execute("create temp table t (a int)")
            await cursor.executemany("insert into t values (%s)", [(1,), (2,)])
            async with cursor.copy("copy t from stdin") as copy:
                await copy.write_row((5,))
            assert [row async for row in cursor.stream("select a from t")] == [(1,), (2,), (5,)]
            with pytest.raises(psycopg.errors.UndefinedTable):
                await cursor.execute("select * from nope")

    asyncio.run(main())

    spans = recorder.take()
    tasks = {span.context.span_id: span.name for span in spans if span.name.startswith("task") and span.context}
    below = [tasks[span.parent.span_id] for span in spans if span.parent is not None]
    assert sorted(below) == sorted([*tasks.values()] * 2)
    alone = [
        ((span.attributes or {}).get("db.query.text", span.name), span.status.status_code.name)
        for span in spans
        if span.parent is None and not span.name.startswith("task") and span.name != "COMMIT"
    ]
    assert (
        alone
        == [
            ("create temp table t (a int)", "UNSET"),
            ("insert into t values (%s)", "UNSET"),
            ("copy t from stdin", "UNSET"),
            ("select a from t", "UNSET"),
            ("select * from nope", "ERROR"),
            ("ROLLBACK", "UNSET"),
        ][: len(alone)]
    )


def test_a_cancelled_statement_is_ended_and_no_error(recorder: Recorder) -> None:
    import psycopg

    async def main() -> None:
        connection = await psycopg.AsyncConnection.connect(url())
        waiting = asyncio.ensure_future(connection.execute("select pg_sleep(10)"))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await connection.close()

    asyncio.run(main())

    (span,) = recorder.take()
    assert (span.name, span.status.is_unset) == ("SELECT", True)


def test_pools_hand_out_connections_whose_statements_are_traced(recorder: Recorder) -> None:
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

    with ConnectionPool(url(), min_size=1) as pool, pool.connection() as connection:
        connection.execute("select 1")

    async def main() -> None:
        pool = AsyncConnectionPool(url(), min_size=1, open=False)
        await pool.open()
        async with pool.connection() as connection:
            await connection.execute("select 2")
        await pool.close()

    asyncio.run(main())

    assert texts(recorder) == ["select 1", "COMMIT", "select 2", "COMMIT"]


# --- comments for database monitoring ---


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


@contextmanager
def a_cursor(driver: str) -> Iterator[Any]:
    with closing(connected(driver)) as connection, closing(connection.cursor()) as cursor:
        yield cursor


def _composed(text: str, driver: str) -> Any:
    import psycopg
    import psycopg2.sql

    return {"psycopg": psycopg, "psycopg2": psycopg2}[driver].sql.SQL(text)


@both
@pytest.mark.parametrize(
    "form", [lambda text, _: text, lambda text, _: text.encode(), _composed], ids=["text", "bytes", "composed"]
)
def test_statements_of_all_forms_bear_comments(
    recorder: Recorder, commenting: None, driver: str, form: Callable[[str, str], Any]
) -> None:
    with a_cursor(driver) as cursor:
        cursor.execute(form(RUNNING + " where 0 = %s", driver), (0,))
        assert cursor.fetchone()[0].startswith("/*a='1%25'*/ " + RUNNING)
        cursor.execute(query=form(RUNNING, driver))
        assert cursor.fetchone()[0] == f"/*a='1%%25'*/ {RUNNING}"

    assert texts(recorder) == [RUNNING + " where 0 = %s", RUNNING]


def test_statements_that_are_awaited_bear_comments(recorder: Recorder, commenting: None) -> None:
    import psycopg

    async def main() -> Any:
        async with await psycopg.AsyncConnection.connect(url()) as connection:
            return await (await connection.execute(RUNNING)).fetchone()

    assert asyncio.run(main()) == (f"/*a='1%%25'*/ {RUNNING}",)


class Varying(Headers):
    """Says in which span each statement is sent."""

    @property
    def statements(self) -> Any:
        return TraceContextTextMapPropagator()


@pytest.fixture
def varying() -> Iterator[None]:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(Varying())
    yield
    propagate.set_global_textmap(before)


PREPARED = "select count(*) from pg_prepared_statements where statement like %s"


def test_a_comment_that_varies_keeps_no_statement_from_being_prepared(recorder: Recorder, varying: None) -> None:
    import psycopg

    with psycopg.connect(url(), autocommit=True) as connection:
        for number in range(10):
            connection.execute("select %s::int + 1", [number])
            connection.execute("select %s::int + 2", [number], prepare=True)
        with connection.cursor() as cursor:
            cursor.executemany("select %s::int + 3", [(number,) for number in range(10)])
        for end in ("+ 1", "+ 2", "+ 3"):
            held = connection.execute(PREPARED, ["%" + end]).fetchone()
            assert held == (1,), f"{end}: one statement, without a comment"


def traceparents(recorder: Recorder) -> list[str]:
    """What the comments of the recorded statements should begin with."""
    ids = [span.context for span in recorder.take() if span.attributes and "db.query.text" in span.attributes]
    return [f"/*traceparent='00-{one.trace_id:032x}-{one.span_id:016x}-0" for one in ids if one]


def test_what_is_sent_unprepared_says_in_which_span(recorder: Recorder, varying: None) -> None:
    import psycopg

    seen: list[Any] = []
    with psycopg.connect(url(), autocommit=True) as connection:
        for _ in range(3):
            seen += connection.execute(RUNNING + " where 0 = %s", [0]).fetchone() or ()
        # Since 3.1 and 3.2.
        others = [getattr(psycopg, name) for name in ("ClientCursor", "RawCursor") if hasattr(psycopg, name)]
        for other in others:
            seen += other(connection).execute(RUNNING).fetchone() or ()
    expected = traceparents(recorder)
    assert len(expected) == 3 + len(others)
    assert [text[: len(expected[0])] for text in seen] == expected


def test_the_statement_of_a_cursor_of_the_server_says_so_too(recorder: Recorder, varying: None) -> None:
    import psycopg

    with psycopg.connect(url()) as connection, connection.cursor("named") as server:
        server.execute(RUNNING)
        statement = connection.execute("select statement from pg_cursors where name = 'named'").fetchone()
    assert statement is not None
    assert statement[0].startswith(traceparents(recorder)[0])


def test_a_statement_without_a_span_bears_no_comment(recorder: Recorder, varying: None) -> None:
    import psycopg

    with psycopg.connect(url(), autocommit=True) as connection:
        with recorder.provider.get_tracer("app").start_as_current_span("app"), suppress_instrumentation():
            assert connection.execute(RUNNING).fetchone() == (RUNNING,)
        with connection.cursor() as cursor, cursor.copy(f"copy ({RUNNING}) to stdout") as copied:
            assert b"traceparent" not in b"".join(map(bytes, copied))


def test_awaited_statements_say_in_which_span_and_are_prepared(recorder: Recorder, varying: None) -> None:
    import psycopg

    async def main() -> tuple[Any, Any]:
        async with await psycopg.AsyncConnection.connect(url(), autocommit=True) as connection:
            first = await (await connection.execute(RUNNING)).fetchone()
            for number in range(10):
                await connection.execute("select %s::int + 1", [number])
            return first, await (await connection.execute(PREPARED, ["%+ 1"])).fetchone()

    (first,), held = asyncio.run(main())
    assert first.startswith("/*traceparent='00-")
    assert held == (1,)
