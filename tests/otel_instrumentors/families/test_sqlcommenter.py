"""Comments behind statements, for those who ask for them; what a server was sent is asked of the server."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import psycopg2
import pytest

from otel_instrumentors.families import sqlcommenter
from otel_instrumentors.psycopg import PsycopgInstrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented

SENT = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"


def arrived(url: str, driver: Any, statement: Any = SENT, **options: Any) -> str:
    recorder = Recorder()
    with instrumented(PsycopgInstrumentor, recorder.provider, **options):
        connection = driver.connect(url)
        cursor = connection.cursor()
        cursor.execute(statement)
        (query,) = cursor.fetchone()
        connection.close()
    (span,) = [span for span in recorder.take() if span.name == "SELECT"]
    assert "/*" not in str((span.attributes or {})["db.query.text"])
    return str(query).replace(f"{span.context.span_id:016x}", "SPAN") if span.context is not None else ""


@pytest.mark.parametrize("driver", [psycopg, psycopg2])
def test_the_server_is_told_of_driver_and_span(driver: Any, postgresql: str) -> None:
    query = arrived(postgresql, driver, enable_commenter=True)
    found = re.fullmatch(re.escape(SENT) + r" /\*(.*)\*/", query)
    assert found is not None
    pairs = dict(pair.split("=", 1) for pair in found[1].split(","))
    assert list(pairs) == sorted(pairs)
    # The drivers put parameters in the place of `%s` where there are some: a sign of percent is written twice.
    assert pairs["db_driver"].replace("%%", "%").startswith(f"'{driver.__name__}%3A")
    assert pairs["dbapi_level"] == "'2.0'"
    assert re.fullmatch(r"'00-[0-9a-f]{32}-SPAN-[0-9a-f]{2}'", pairs["traceparent"])


def test_what_is_opted_out_of_is_left_out_and_nothing_is_said_unless_it_is_asked_for(postgresql: str) -> None:
    chosen = {
        "db_driver": False,
        "dbapi_threadsafety": False,
        "driver_paramstyle": False,
        "opentelemetry_values": False,
    }
    query = arrived(postgresql, psycopg, enable_commenter=True, commenter_options=chosen)
    assert query == f"{SENT} /*dbapi_level='2.0'*/"
    assert arrived(postgresql, psycopg, commenter_options={}) == SENT


def test_a_statement_of_composed_parts_takes_a_comment(postgresql: str) -> None:
    query = arrived(postgresql, psycopg, psycopg.sql.SQL(SENT), enable_commenter=True)
    assert query.startswith(f"{SENT} /*db_driver=")


@pytest.mark.parametrize(
    ("statement", "whole"),
    [
        ("SELECT 1", "SELECT 1 /*c*/"),
        ("SELECT 1;", "SELECT 1 /*c*/;"),
        ("SELECT 1 ; \n", "SELECT 1  /*c*/;"),
        ("", " /*c*/"),
    ],
)
def test_a_comment_stands_before_the_semicolon(statement: str, whole: str) -> None:
    assert sqlcommenter.appended(statement, " /*c*/") == whole
    assert sqlcommenter.appended(statement.encode(), b" /*c*/") == whole.encode()
