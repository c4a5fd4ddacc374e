"""Comments behind statements, for those who ask for them; what a server was sent is asked of the server."""

from __future__ import annotations

import re
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any

import flask
import psycopg
import psycopg2
import pytest
import sqlalchemy
from opentelemetry.context import attach, detach, set_value

from otel_instrumentors.families import sqlcommenter
from otel_instrumentors.flask import FlaskInstrumentor
from otel_instrumentors.psycopg import PsycopgInstrumentor
from otel_instrumentors.sqlalchemy import SqlalchemyInstrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented

flask_version = version("flask")
_OF_DRIVER = ("db_driver", "dbapi_level", "dbapi_threadsafety", "driver_paramstyle", "libpq_version")
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


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
@pytest.mark.parametrize("is_traced", [False, True])
def test_a_comment_of_sqlalchemys_names_its_span_which_is_the_only_one(
    is_traced: bool, driver: str, postgresql: str
) -> None:
    recorder = Recorder()
    asked = {"enable_commenter": True, "commenter_options": {"db_driver": False}}
    with ExitStack() as stack:
        stack.enter_context(instrumented(SqlalchemyInstrumentor, recorder.provider, **asked))
        if is_traced:
            stack.enter_context(instrumented(PsycopgInstrumentor, recorder.provider, enable_commenter=True))
        engine = sqlalchemy.create_engine(postgresql.replace("postgresql:", f"postgresql+{driver}:"))
        with engine.connect() as connection:
            recorder.take()
            query = connection.execute(sqlalchemy.text(f"{SENT} AND 'a%' LIKE :sign"), {"sign": "a%"}).scalar_one()
            (span,) = recorder.take()
        engine.dispose()
    assert span.instrumentation_scope.name == "otel_instrumentors.sqlalchemy"
    statement, _, comment = query.partition(" /*")
    assert statement.startswith(f"{SENT} AND 'a%' LIKE ")
    parent = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-"
    assert comment.startswith(f"db_framework='sqlalchemy%3A{sqlalchemy.__version__}',traceparent='{parent}")


def test_the_statements_of_one_engine_bear_comments_where_that_is_asked_of_it_alone(postgresql: str) -> None:
    url = postgresql.replace("postgresql:", "postgresql+psycopg2:")
    engine, other = sqlalchemy.create_engine(url), sqlalchemy.create_engine(url)
    recorder = Recorder()
    with instrumented(SqlalchemyInstrumentor, recorder.provider, engine=engine, enable_commenter=True):
        for each, has_comment in ((engine, True), (other, False)):
            with each.connect() as connection:
                query = connection.execute(sqlalchemy.text(SENT)).scalar_one()
            each.dispose()
            assert ("/*" in query) is has_comment


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ({}, ["controller='shelf'", f"framework='flask%3A{flask_version}'", "route='/tea/%3Cint%3Anumber%3E'"]),
        ({"commenter_options": {"framework": False, "route": False}}, ["controller='shelf'"]),
        ({"enable_commenter": False}, []),
    ],
)
def test_a_comment_in_a_request_of_flasks_says_who_serves_it(
    options: dict[str, Any], tags: list[str], postgresql: str
) -> None:
    app = flask.Flask("shop")
    app.add_url_rule("/tea/<int:number>", "shelf", lambda number: _queried(postgresql))
    chosen = {"opentelemetry_values": False, **dict.fromkeys(_OF_DRIVER, False)}
    provider = Recorder().provider
    with (
        instrumented(FlaskInstrumentor, provider, **options),
        instrumented(PsycopgInstrumentor, provider, enable_commenter=True, commenter_options=chosen),
    ):
        query = app.test_client().get("/tea/3").get_data(as_text=True)
    # psycopg puts parameters in the place of `%s` where there are some: a sign of percent is written twice.
    assert query.replace("%%", "%") == (f"{SENT} /*{','.join(tags)}*/" if tags else SENT)


def test_a_request_of_flasks_comments_nothing_that_no_driver_is_asked_for(postgresql: str) -> None:
    app = flask.Flask("shop")
    app.add_url_rule("/", "shelf", lambda: _queried(postgresql))
    provider = Recorder().provider
    with instrumented(FlaskInstrumentor, provider, enable_commenter=True), instrumented(PsycopgInstrumentor, provider):
        assert app.test_client().get("/").get_data(as_text=True) == SENT


def test_tags_that_opentelemetrys_own_instrumentor_of_a_framework_left_are_in_the_comment(postgresql: str) -> None:
    tags = {"framework": "flask:1", "route": "/tea"}
    token = attach(set_value("SQLCOMMENTER_ORM_TAGS_AND_VALUES", tags))
    try:
        query = arrived(postgresql, psycopg, enable_commenter=True)
    finally:
        detach(token)
    assert "framework='flask%3A1'" in query.replace("%%", "%")
    assert "route='/tea'" in query


def _queried(url: str) -> str:
    connection = psycopg.connect(url)
    row = connection.execute(SENT).fetchone()
    connection.close()
    assert row is not None
    return str(row[0])


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
