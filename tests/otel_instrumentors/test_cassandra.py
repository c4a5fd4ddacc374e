"""The driver of Cassandra, on a real server."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from cassandra import ConsistencyLevel, InvalidRequest, OperationTimedOut
from cassandra.cluster import NoHostAvailable
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.query import BatchStatement, SimpleStatement
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

from otel_instrumentors.cassandra import CassandraInstrumentor, batch_text
from tests.otel_instrumentors.contract import Boom, Contract, Recorder, instrumented

PATIENCE = 30


def address() -> tuple[str, int]:
    host, _, port = os.environ["TEST_CASSANDRA_URL"].partition("://")[2].partition(":")
    return host, int(port)


@cache
def kept() -> Any:
    """A session with the tables of these tests."""
    from cassandra.cluster import Cluster

    host, port = address()
    session = Cluster([host], port=port).connect()
    replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    session.execute(f"CREATE KEYSPACE IF NOT EXISTS teahouse WITH replication = {replication}", timeout=PATIENCE)
    session.set_keyspace("teahouse")
    session.execute("CREATE TABLE IF NOT EXISTS teas (id int PRIMARY KEY, name text)", timeout=PATIENCE)
    session.default_timeout = PATIENCE
    return session


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    kept().cluster.shutdown()


class TestCassandraContract(Contract):
    instrumentor = CassandraInstrumentor
    servers = ("cassandra_server",)

    @staticmethod
    def use() -> Any:
        session = kept()
        session.execute("INSERT INTO teas (id, name) VALUES (%s, %s)", (1, "green"))
        found, answered = [], threading.Event()

        def answer(rows: Any) -> None:
            found.extend(row.name for row in rows)
            answered.set()

        session.execute_async("SELECT name FROM teas WHERE id = 1").add_callbacks(answer, lambda _error: answered.set())
        assert answered.wait(PATIENCE)
        return found

    @classmethod
    def traces(cls, recorder: Recorder) -> list[str]:
        """Without what prepares the first use."""
        kept()
        recorder.take()
        return super().traces(recorder)


@pytest.fixture
def recorder(cassandra_server: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(CassandraInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def session(recorder: Recorder) -> Any:
    """A session, and a table of nine."""
    session = kept()
    session.execute("TRUNCATE teas")
    for number in range(1, 10):
        session.execute("INSERT INTO teas (id, name) VALUES (%s, %s)", (number, f"tea {number}"))
    recorder.take()
    return session


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def common() -> dict[str, Any]:
    host, port = address()
    return {
        "db.system.name": "cassandra",
        "db.namespace": "teahouse",
        "cassandra.cluster.name": "test",
        "cassandra.result.paginated": False,
        "server.address": host,
        "server.port": port,
    }


def test_a_statement_is_a_client_span_until_its_rows_are_there(session: Any, recorder: Recorder) -> None:
    assert session.execute("SELECT name FROM teas WHERE id = %s", (3,)).one().name == "tea 3"
    (span,) = recorder.take()
    assert (span.name, span.kind.name) == ("SELECT", "CLIENT")
    assert attributes(span) == {
        **common(),
        "db.driver.call": "execute",
        "db.query.text": "SELECT name FROM teas WHERE id = %s",
        "db.row_count": 1,
    }


def test_statements_of_every_kind_are_told_by_their_text(session: Any, recorder: Recorder) -> None:
    text = "UPDATE teas SET name = ? WHERE id = ?"
    prepared = session.prepare(text)
    session.execute(prepared, ("secret", 1))
    session.execute(prepared.bind(("secret", 1)))
    session.execute(SimpleStatement("SELECT id FROM teas", consistency_level=ConsistencyLevel.QUORUM))
    first, second, third = recorder.take()
    assert [attributes(span)["db.query.text"] for span in (first, second)] == [text, text]
    assert [attributes(span)["db.row_count"] for span in (first, second, third)] == [0, 0, 9]
    assert attributes(third)["cassandra.consistency_level"] == ConsistencyLevel.QUORUM
    assert "secret" not in first.to_json() + second.to_json()


def test_a_batch_is_told_without_what_was_put_into_its_statements(session: Any, recorder: Recorder) -> None:
    batch = BatchStatement()
    batch.add("INSERT INTO teas (id, name) VALUES (%s, %s)", (20, "it's secret"))
    batch.add(session.prepare("INSERT INTO teas (id, name) VALUES (?, ?)"), (21, "secret"))
    batch.add(SimpleStatement("DELETE FROM teas WHERE id = 22"))
    session.execute(batch)
    (span,) = recorder.take()
    assert span.name == "BATCH"
    assert attributes(span) == {
        **common(),
        "db.driver.call": "batch",
        "db.query.text": "INSERT INTO teas (id, name) VALUES (?, ?)",
        "db.operation.batch.size": 3,
        "db.row_count": 0,
        **({"cassandra.consistency_level": level} if (level := batch.consistency_level) else {}),
    }
    assert {row.id for row in session.execute("SELECT id FROM teas")} >= {20, 21}


def test_each_page_is_a_span(session: Any, recorder: Recorder) -> None:
    rows = session.execute(SimpleStatement("SELECT id FROM teas", fetch_size=4))
    with recorder.provider.get_tracer("application").start_as_current_span("reading") as reading:
        assert len(list(rows)) == 9
    pages = [span for span in recorder.take() if span.name == "SELECT"]
    assert [attributes(span)["db.row_count"] for span in pages] == [4, 4, 1]
    assert [attributes(span)["cassandra.page.number"] for span in pages] == [1, 2, 3]
    assert {attributes(span)["cassandra.result.paginated"] for span in pages} == {True}
    # The first was asked for before.
    assert [span.parent and span.parent.span_id for span in pages] == [None, *[reading.get_span_context().span_id] * 2]


def test_the_span_of_an_answer_that_comes_later_lasts_until_it_is_there(session: Any, recorder: Recorder) -> None:
    """The event loop of the driver is held up: what is asked stays unanswered as long."""
    held, free, answered = threading.Event(), threading.Event(), threading.Event()

    def hold(_rows: Any) -> None:
        held.set()
        free.wait(PATIENCE)

    session.execute_async("SELECT id FROM teas WHERE id = 1").add_callback(hold)
    assert held.wait(PATIENCE)
    recorder.take()
    future = session.execute_async("SELECT name FROM teas WHERE id = 2")
    assert recorder.take() == []
    future.add_callback(lambda _rows: answered.set())
    free.set()
    assert answered.wait(PATIENCE)
    (span,) = recorder.take()
    assert attributes(span)["db.row_count"] == 1


def test_callbacks_run_in_the_context_of_who_added_them_and_after_the_span(session: Any, recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("application")
    found: list[Any] = []
    answered = threading.Event()

    def answer(_rows: Any, tea: str, *, cup: str) -> None:
        found.append(
            (trace.get_current_span().get_span_context().span_id, [span.name for span in recorder.spans()], tea, cup)
        )
        tracer.start_span("callback").end()
        answered.set()

    with tracer.start_as_current_span("visit") as visit:
        future = session.execute_async("SELECT name FROM teas WHERE id = 1")
        assert trace.get_current_span() is visit
        future.add_callback(answer, "green", cup="blue")
    assert answered.wait(PATIENCE)
    visited = visit.get_span_context().span_id
    ((inside, ended, *given),) = found
    assert inside == visited
    assert "SELECT" in ended
    assert given == ["green", "blue"]
    assert {span.parent.span_id for span in recorder.take() if span.parent} == {visited}


def test_many_at_once_are_children_of_who_asked(session: Any, recorder: Recorder) -> None:
    prepared = session.prepare("INSERT INTO teas (id, name) VALUES (?, ?)")
    with recorder.provider.get_tracer("application").start_as_current_span("visit") as visit:
        results = execute_concurrent_with_args(session, prepared, [(number, "many") for number in range(30, 60)], 4)
    assert all(succeeded for succeeded, _ in results)
    spans = [span for span in recorder.take() if span.name == "INSERT"]
    assert len(spans) == 30
    assert {span.parent.span_id for span in spans if span.parent} == {visit.get_span_context().span_id}


def test_an_error_is_recorded_and_raised(session: Any, recorder: Recorder) -> None:
    with pytest.raises(InvalidRequest):
        session.execute("SELECT * FROM coffees")
    errors, answered = [], threading.Event()
    future = session.execute_async("SELECT * FROM coffees")
    future.add_errback(lambda error: (errors.append(error), answered.set()))
    assert answered.wait(PATIENCE)
    assert isinstance(errors[0], InvalidRequest)
    host, port = address()
    for span in recorder.take():
        told = attributes(span)
        assert span.status.status_code.name == "ERROR"
        assert (told["error.type"], told["server.address"], told["server.port"]) == (
            "cassandra.InvalidRequest",
            host,
            port,
        )
        (event,) = span.events
        assert "coffees" in str(dict(event.attributes or {})["exception.message"])


def test_what_is_refused_before_it_is_sent_is_an_error(session: Any, recorder: Recorder) -> None:
    with pytest.raises(TypeError):
        session.execute("SELECT * FROM teas WHERE id = %s", (1, 2))
    (span,) = recorder.take()
    assert attributes(span)["error.type"] == "TypeError"


def test_a_time_out_is_an_error(session: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        # Nothing is sent.
        patch.setattr(session.cluster.connection_class, "push", lambda _connection, _data: None)
        with pytest.raises(OperationTimedOut):
            session.execute("SELECT * FROM teas", timeout=0.2)
    (span,) = recorder.take()
    assert attributes(span)["error.type"] == "cassandra.OperationTimedOut"


def test_where_no_host_answers_the_error_is_recorded(
    session: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(session.cluster._default_load_balancing_policy), "make_query_plan", lambda *_a, **_k: iter(())
    )
    with pytest.raises(NoHostAvailable):
        session.execute("SELECT * FROM teas")
    (span,) = recorder.take()
    assert attributes(span)["error.type"] == "cassandra.cluster.NoHostAvailable"


def test_a_question_that_is_never_sent_ends_with_its_future(session: Any, recorder: Recorder) -> None:
    def refuse(_future: Any) -> None:
        raise Boom("refused")

    session.add_request_init_listener(refuse)
    with contextlib.suppress(Boom):
        session.execute("SELECT * FROM teas", timeout=None)
    session.remove_request_init_listener(refuse)
    gc.collect()
    (span,) = recorder.take()
    assert span.status.is_unset


def test_a_session_made_before_instrumenting_is_traced_and_silent_after(cassandra_server: str) -> None:
    recorder, session = Recorder(), kept()
    with instrumented(CassandraInstrumentor, recorder.provider):
        session.execute("SELECT id FROM teas WHERE id = 1")
    session.execute("SELECT id FROM teas WHERE id = 1")
    assert [span.name for span in recorder.take()] == ["SELECT"]


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["SELECT 'it''s', 'a', 7, -1.5e3, 0xCAFE, t1.c2"], "SELECT ?, ?, ?, ?, ?, t1.c2"),
        (["a = 6ab09bec-e68e-48d9-a5f8-97e6fb4c9b47 AND b=2"], "a = ? AND b=?"),
        (["one", "two", "three"], "one; two"),
        (["'never ends"], "?"),
        (["a = $$it's$$ AND b = 'secret'", "a = 1 -- it's", "b = 1"], "?; ?"),
        ([], ""),
    ],
)
def test_literals_of_a_batch(texts: list[str], shown: str) -> None:
    assert batch_text([(False, text, ()) for text in texts]) == shown
