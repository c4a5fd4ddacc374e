"""Comments before statements: a neutral offer, taken up by the global propagator or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import propagate, trace
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach, detach, set_value
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_instrumentors.families import dbapi, driver_classes
from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.hook import Hook
from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.semconv.db import Comments
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented
from tests.otel_instrumentors.families import driver


def connect(comments: Comments) -> Hook:
    return driver_classes.connect(
        dbapi.Driver("other_sql", argument="sql", comments=comments, nests=True),
        driver_classes.Factory("Connection", "factory", 1),
        driver_classes.Factory("Cursor", "factory", 0),
    )


class PlainInstrumentor(Instrumentor):
    hooks = {driver.__name__: {"connect": connect(Comments.PLAIN)}}


class DoubledInstrumentor(Instrumentor):
    hooks = {driver.__name__: {"connect": connect(Comments.DOUBLED)}}


class Headers(TraceContextTextMapPropagator):
    """The standard propagator of headers, with something to say to databases beside."""

    statements: Any = None


class Fixed(TextMapPropagator):
    """Says the same of every span."""

    def __init__(self, **pairs: str) -> None:
        self.pairs = pairs

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = None) -> None:
        carrier.update(self.pairs)

    def extract(self, carrier: Any, context: Context | None = None, getter: Any = None) -> Context:
        raise NotImplementedError

    @property
    def fields(self) -> set[str]:
        return set(self.pairs)


@pytest.fixture
def propagator() -> Iterator[Headers]:
    before = propagate.get_global_textmap()
    propagator = Headers()
    propagate.set_global_textmap(propagator)
    yield propagator
    propagate.set_global_textmap(before)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(PlainInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def connection() -> Iterator[driver.Connection]:
    # After the fixture that instruments, wherever a test asks for both.
    connection = driver.connect(":memory:")
    yield connection
    connection.close()


def test_without_somebody_who_asks_for_it_a_statement_stays_as_it_is(
    recorder: Recorder, propagator: Headers, connection: driver.Connection
) -> None:
    connection.cursor().execute("select 1")
    assert connection.received == ["select 1"]


def test_the_propagators_pairs_stand_sorted_and_encoded_before_the_statement(
    recorder: Recorder, propagator: Headers, connection: driver.Connection
) -> None:
    propagator.statements = Fixed(b="x/y,'z' 100%*/", a="1")
    assert connection.cursor().execute("select 7").fetchall() == [(7,)]
    assert connection.received == ["/*a='1',b='x/y%2C%27z%27%20100%25%2A/'*/ select 7"]
    (span,) = recorder.take()
    assert (span.name, dict(span.attributes or {})["db.query.text"]) == ("SELECT", "select 7")


def test_the_comment_is_of_the_statements_own_span(
    recorder: Recorder, propagator: Headers, connection: driver.Connection
) -> None:
    propagator.statements = TraceContextTextMapPropagator()
    with recorder.provider.get_tracer("app").start_as_current_span("around"):
        connection.cursor().execute("select 1")
    statement, around = recorder.take()
    assert statement.parent == around.context
    ids = statement.context
    assert ids is not None
    flags = f"{int(ids.trace_flags):02x}"
    assert connection.received == [f"/*traceparent='00-{ids.trace_id:032x}-{ids.span_id:016x}-{flags}'*/ select 1"]


def test_executemany_bears_it_and_nothing_else_does(
    recorder: Recorder, propagator: Headers, connection: driver.Connection
) -> None:
    propagator.statements = Fixed(a="1")
    cursor = connection.cursor()
    cursor.execute("create table t (a)")
    cursor.executemany("insert into t values (%s)", iter([(1,), ("%",)]))
    cursor.callproc("proc")
    connection.commit()
    insert = "/*a='1'*/ insert into t values (%s)"
    assert connection.received == ["/*a='1'*/ create table t (a)", insert, insert, "proc", "commit"]
    assert connection.engine.execute("select a from t").fetchall() == [(1,), ("%",)]
    texts = [(span.attributes or {}).get("db.query.text") for span in recorder.take()]
    # Its rows, which this driver sends with the same cursor's execute, are no statements of their own.
    assert texts == ["create table t (a)", "insert into t values (%s)", "proc", None]


def test_a_statement_that_is_sent_while_another_cursor_is_at_work_is_one_of_its_own(
    recorder: Recorder, propagator: Headers, connection: driver.Connection
) -> None:
    propagator.statements = Fixed(a="1")
    connection.engine.execute("create table t (a)")
    rows = ((connection.cursor().execute("select 1").fetchall()[0][0],) for _ in range(2))
    connection.cursor().executemany("insert into t values (%s)", rows)
    assert [span.name for span in recorder.take()] == ["SELECT", "SELECT", "INSERT"]


def test_a_statement_given_by_name_bears_it(
    recorder: Recorder, propagator: Headers, connection: driver.Connection
) -> None:
    propagator.statements = Fixed(a="1")
    connection.cursor().execute(sql="select %s", parameters=(5,))
    assert connection.received == ["/*a='1'*/ select %s"]


def test_a_driver_that_formats_gets_each_percent_sign_twice(propagator: Headers) -> None:
    propagator.statements = Fixed(a="100%")
    with instrumented(DoubledInstrumentor, Recorder().provider):
        connection = driver.connect(":memory:")
        assert connection.cursor().execute("select %s", ("%",)).fetchall() == [("%",)]
    assert connection.received == ["/*a='100%%25'*/ select %s"]
    connection.close()


def test_what_breaks_while_commenting_is_said_once_and_the_statement_goes_as_it_is(
    recorder: Recorder, propagator: Headers, connection: driver.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    safety._last_said.clear()
    for broken in (object(), Fixed(a="\ud800"), Fixed(a=None)):  # type: ignore[arg-type]
        propagator.statements = broken
        assert connection.cursor().execute("select 7").fetchall() == [(7,)]
    assert connection.received == ["select 7"] * 3
    assert len(recorder.take()) == 3
    assert len(caplog.records) == 1


def test_an_error_of_the_database_reaches_the_application_and_the_span(
    recorder: Recorder, propagator: Headers, connection: driver.Connection
) -> None:
    propagator.statements = Fixed(a="1")
    with pytest.raises(sqlite3.OperationalError, match="no such table: nope"):
        connection.cursor().execute("select * from nope")
    (span,) = recorder.take()
    assert dict(span.attributes or {})["error.type"] == "sqlite3.OperationalError"
    assert len(span.events) == 1


def test_suppressed_or_uninstrumented_there_is_no_comment(propagator: Headers) -> None:
    propagator.statements = Fixed(a="1")
    recorder = Recorder()
    with instrumented(PlainInstrumentor, recorder.provider):
        connection = driver.connect(":memory:")
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        connection.cursor().execute("select 1")
        detach(token)
    with recorder.provider.get_tracer("app").start_as_current_span("around"):
        connection.cursor().execute("select 2")
    assert connection.received == ["select 1", "select 2"]
    connection.close()


def test_sqlite3_which_looks_at_the_first_word_of_a_statement_gets_none(propagator: Headers) -> None:
    """Until Python 3.11 it begins no transaction, and refuses executemany, where a comment stands first."""
    propagator.statements = Fixed(a="1")
    with instrumented(Sqlite3Instrumentor, trace.NoOpTracerProvider()):
        connection = sqlite3.connect(":memory:")
        seen: list[str] = []
        connection.set_trace_callback(seen.append)
        connection.execute("select 1")
        connection.close()
    assert seen == ["select 1"]
