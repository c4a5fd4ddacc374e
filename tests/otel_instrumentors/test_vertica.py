"""Vertica's driver, on a stand-in for the server: of Vertica there is none that could be had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import trace
from vertica_python.errors import Error, QueryError

from otel_instrumentors.vertica import VerticaInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

VERSION = tuple(int(part) for part in version("vertica-python").split(".")[:2])


def connected() -> Any:
    import vertica_python

    url = urlsplit(os.environ["TEST_VERTICA_URL"])
    known: dict[str, Any] = {
        "host": url.hostname,
        "port": url.port,
        "user": "dbadmin",
        "password": "",
        "database": "test",
    }
    return vertica_python.connect(**known, **({"tlsmode": "disable"} if VERSION >= (1, 4) else {}))


@cache
def kept() -> Any:
    """One for all uses of the exam: the driver keeps a logger of each that is made."""
    return connected()


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    kept().close()


class TestVerticaContract(Contract):
    instrumentor = VerticaInstrumentor
    servers = ("vertica_server",)

    @staticmethod
    def use() -> Any:
        cursor = kept().cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS teas (id INTEGER, name VARCHAR)")
        cursor.execute("DELETE FROM teas")
        cursor.copy("COPY teas FROM STDIN DELIMITER ','", "1,green\n2,black\n")
        cursor.execute("SELECT name FROM teas WHERE id = 1; SELECT id FROM teas")
        found = [cursor.fetchone(), cursor.nextset(), cursor.fetchall()]
        cursor.close()
        return found


@pytest.fixture
def recorder(vertica_server: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(VerticaInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def cursor(recorder: Recorder) -> Iterator[Any]:
    """A cursor of a connection with a table of three."""
    connection = connected()
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE teas (id INTEGER, name VARCHAR)")
    cursor.copy("COPY teas FROM STDIN DELIMITER ','", "1,green\n2,black\n3,white\n")
    recorder.take()
    yield cursor
    connection.close()


def common() -> dict[str, Any]:
    url = urlsplit(os.environ["TEST_VERTICA_URL"])
    return {
        "db.system.name": "vertica",
        "db.namespace": "test",
        "db.user": "dbadmin",
        "server.address": url.hostname,
        "server.port": url.port,
    }


def told(recorder: Recorder) -> list[tuple[str, object]]:
    """Each span, and how many rows it touched, where that is known."""
    return [(span.name, (span.attributes or {}).get("db.row_count")) for span in recorder.take()]


def values(rows: Any) -> list[list[str]]:
    """What stands in rows; old releases leave it as the server sent it."""
    return [[value.decode() if isinstance(value, bytes) else str(value) for value in row] for row in rows]


def test_a_statement_is_a_client_span_with_its_text_and_not_its_parameters(cursor: Any, recorder: Recorder) -> None:
    cursor.execute("SELECT name FROM teas WHERE id = :id", {"id": 1})
    assert values([cursor.fetchone()]) == [["green"]]
    select, fetch = recorder.take()
    assert (select.name, select.kind.name) == ("SELECT", "CLIENT")
    assert dict(select.attributes or {}) == {
        **common(),
        "db.driver.call": "execute",
        "db.query.text": "SELECT name FROM teas WHERE id = :id",
    }
    assert (fetch.name, fetch.kind.name) == ("fetchone", "CLIENT")
    assert dict(fetch.attributes or {}) == {**common(), "db.driver.call": "fetchone", "db.row_count": 1}


def test_a_copy_is_a_span_and_what_it_brings_is_stored(cursor: Any, recorder: Recorder) -> None:
    cursor.copy("COPY teas FROM STDIN DELIMITER ','", "9,secret\n")
    (span,) = recorder.take()
    assert span.name == "COPY"
    assert dict(span.attributes or {}) == {
        **common(),
        "db.driver.call": "copy",
        "db.query.text": "COPY teas FROM STDIN DELIMITER ','",
    }
    cursor.execute("SELECT name FROM teas WHERE id = 9")
    assert values(cursor.fetchall()) == [["secret"]]


def test_executemany_is_the_copy_that_the_driver_makes_of_it(cursor: Any, recorder: Recorder) -> None:
    cursor.executemany("INSERT INTO teas (id, name) VALUES (%s, %s)", [(7, "red"), (8, "blue")])
    (span,) = recorder.take()
    assert span.name == "COPY"
    assert "red" not in span.to_json()
    cursor.execute("SELECT id FROM teas WHERE id > 6")
    assert values(cursor.fetchall()) == [["7"], ["8"]]


def test_rows_that_are_fetched_at_once_are_one_span(cursor: Any, recorder: Recorder) -> None:
    select = "SELECT id FROM teas ORDER BY id"
    cursor.execute(select)
    assert values(cursor.fetchall()) == [["1"], ["2"], ["3"]]
    cursor.execute(select)
    assert values(cursor.fetchmany(2)) == [["1"], ["2"]]
    cursor.execute(select)
    assert values(cursor.iterate()) == [["1"], ["2"], ["3"]]
    assert told(recorder) == [
        ("SELECT", None),
        ("fetchall", 3),
        ("SELECT", None),
        ("fetchmany", 2),
        ("SELECT", None),
        ("iterate", 3),
    ]


def test_what_is_done_with_a_row_is_not_part_of_fetching_it(cursor: Any, recorder: Recorder) -> None:
    cursor.execute("SELECT id FROM teas")
    recorder.take()
    for _row in cursor.iterate():
        assert not trace.get_current_span().is_recording()
        recorder.provider.get_tracer("application").start_span("work").end()
    spans = recorder.take()
    assert [span.name for span in spans] == ["work"] * 3 + ["iterate"]
    assert {span.parent for span in spans} == {None}


def test_the_next_result_is_a_span(cursor: Any, recorder: Recorder) -> None:
    cursor.execute("SELECT 1; SELECT 2")
    assert values([cursor.fetchone()]) == [["1"]]
    assert cursor.nextset()
    assert values([cursor.fetchone()]) == [["2"]]
    assert not cursor.nextset()
    assert [name for name, _ in told(recorder)] == ["SELECT", "fetchone", "nextset", "fetchone", "nextset"]


def test_the_end_of_a_transaction_is_the_statement_that_it_is(cursor: Any, recorder: Recorder) -> None:
    cursor.connection.commit()
    cursor.connection.rollback()
    assert [name for name, _ in told(recorder)] == ["COMMIT", "ROLLBACK"]


def test_an_error_is_recorded_and_raised(cursor: Any, recorder: Recorder) -> None:
    with pytest.raises(QueryError):
        cursor.execute("SELECT * FROM coffees")
    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert str(dict(span.attributes or {})["error.type"]).startswith("vertica_python.errors.")
    (event,) = span.events
    assert "coffees" in str(dict(event.attributes or {})["exception.message"])
    cursor.close()
    with pytest.raises(Error, match="closed") as raised:
        cursor.execute("SELECT 1")
    (span,) = recorder.take()
    assert dict(span.attributes or {})["error.type"] == f"vertica_python.errors.{type(raised.value).__name__}"


def test_a_connection_made_before_instrumenting_is_traced_and_silent_after(vertica_server: str) -> None:
    recorder, connection = Recorder(), connected()
    cursor = connection.cursor()
    with instrumented(VerticaInstrumentor, recorder.provider):
        cursor.execute("SELECT 1")
    cursor.execute("SELECT 2")
    connection.close()
    assert told(recorder) == [("SELECT", None)]
