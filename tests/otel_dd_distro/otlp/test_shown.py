"""What another exporter is shown of a span."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Status, StatusCode

from otel_dd_distro import settings
from otel_dd_distro.otlp.shown import literals_in, shown
from otel_dd_distro.translate.conventions.urls import Urls

URLS = Urls(settings.read({}, argv=["-"]))


def attributes_shown(attributes: dict[str, Any], **names: str) -> dict[str, Any]:
    return dict(shown(ReadableSpan("x", attributes=attributes), names, URLS, []).attributes or {})


@pytest.mark.parametrize(
    ("system", "statement", "expected"),
    [
        ("mysql", "select 'O\\'Brien', \"S3CRET\" # S3CRET", "select ?, ?"),
        ("postgresql", "select $$S3CRET$$, \"it's\", 'S3CRET' /* S3CRET */", 'select ?, "it\'s", ?'),
        ("sqlite", "select 1 -- it's\n, 'S3CRET'", "select ? \n, ?"),
        ("redis", "SET tea S3CRET", "SET tea ?"),
        ("redis", "AUTH S3CRET", "AUTH ?"),
        ("memcached", "get tea coffee", "get tea coffee"),
        ("mongodb", '{"find": "S3CRET"}', "{?: ?}"),
    ],
)
@pytest.mark.parametrize("keys", [("db.system.name", "db.query.text"), ("db.system", "db.statement")])
def test_a_statement_loses_its_values_as_its_database_writes_them(
    keys: tuple[str, str], system: str, statement: str, expected: str
) -> None:
    told = attributes_shown(dict(zip(keys, (system, statement), strict=True)))
    assert told == {keys[0]: system, keys[1]: expected}


def test_a_pipeline_shows_the_names_of_its_commands() -> None:
    told = {
        "db.system.name": "redis",
        "db.query.text": "SET tea S3CRET\nGET S3CRET\nGET tea",
        "db.query.summary": "SET GET",
    }
    assert attributes_shown(told)["db.query.text"] == "SET ?\nGET ?"


def test_datadogs_resource_of_a_statement_loses_them_too() -> None:
    statement = {"db.system.name": "postgresql", "db.query.text": "select 'S3CRET'"}
    names = {"resource.name": "select 'S3CRET'", "span.type": "sql"}
    assert attributes_shown(statement, **names)["resource.name"] == "select ?"
    command = {"db.system.name": "redis", "db.query.text": "SET tea S3CRET"}
    assert attributes_shown(command, **{"resource.name": "SET tea S3CRET"})["resource.name"] == "SET tea ?"
    assert attributes_shown(command, **{"resource.name": "SET"})["resource.name"] == "SET"


def test_texts_of_errors_are_looked_through_wherever_they_stand() -> None:
    attributes = {"celery.retry.reason": "no password=S3CRET", "exception.message": "token=S3CRET"}
    event = Event("exception", {"exception.message": "S3CRET", "exception.stacktrace": "password=S3CRET"})
    span = ReadableSpan(
        "x",
        attributes={**attributes, "db.query.text": "select 1"},
        events=[event],
        status=Status(StatusCode.ERROR, "[parameters: ('S3CRET',)]"),
    )
    assert "S3CRET" not in shown(span, {}, URLS, literals_in([span])).to_json()
