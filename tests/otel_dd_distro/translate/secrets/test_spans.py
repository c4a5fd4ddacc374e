from __future__ import annotations

import json
from typing import Any

import pytest

from otel_dd_distro.translate.secrets import conceal, spans
from otel_dd_distro.translate.secrets.spans import LONGEST_TEXTS


def failed(message: str, type_: str = "web", resource: str = "GET /", **meta: str) -> dict[str, Any]:
    return {"type": type_, "error": 1, "resource": resource, "meta": {"error.message": message, **meta}}


def test_spans_around_a_failed_statement_do_not_tell_its_literals_either() -> None:
    told = "no 'hunter2'"
    statement = failed(told, "sql", "select 'hunter2'")
    around = failed(told, a=told)
    fine = {"type": "web", "resource": "GET /", "meta": {"a": told}}
    conceal([around, statement, fine])
    assert (around["meta"], fine["meta"]) == ({"error.message": "no '?'", "a": told}, {"a": told})
    assert statement["meta"] == {"error.message": "no '?'"}
    assert statement["resource"] == "select 'hunter2'"


def test_a_parameter_that_an_error_shows_is_told_nowhere_in_its_chunk() -> None:
    statement = failed(
        "UNIQUE failed\n[SQL: insert into t values (?)]\n[parameters: ('078-05-1120',)]", "sql", "insert"
    )
    around = failed("cannot store 078-05-1120", **{"error.stack": 'f({"ssn": "078-05-1120"})'})
    conceal([statement, around])
    assert around["meta"] == {"error.message": "cannot store ?", "error.stack": 'f({"ssn": "?"})'}
    assert "078" not in statement["meta"]["error.message"]


def test_the_reason_of_a_celery_retry_is_an_errors_text_though_nothing_failed() -> None:
    retried = {"type": "worker", "resource": "task", "meta": {"celery.retry.reason": "no password=S3CRET"}}
    conceal([retried])
    assert retried["meta"] == {"celery.retry.reason": "no password=<redacted>"}


def test_events_are_scrubbed_in_either_form() -> None:
    native = {
        "resource": "x",
        "meta": {},
        "span_events": [{"attributes": {"exception.message": {"type": 0, "string_value": "token=S3CRET"}}}],
    }
    written = {"resource": "x", "meta": {"events": json.dumps([{"attributes": {"exception.message": "token=S3CRET"}}])}}
    users = {"resource": "x", "meta": {"events": "not JSON, token=S3CRET"}}
    conceal([native, written, users])
    assert "S3CRET" not in repr([native, written, users])


def test_a_text_that_is_told_many_times_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(spans, "scrubbed", lambda text, literals: seen.append(text) or "safe")
    chunk = [failed("a token=x", **{"otel.status_description": "a token=x"}) for _ in range(3)]
    conceal(chunk)
    assert seen == ["a token=x"]
    assert all(set(entry["meta"].values()) == {"safe"} for entry in chunk)


def test_the_texts_of_one_span_are_looked_through_up_to_a_limit_and_cut_there() -> None:
    texts = [f"{number} " + "x" * 40_000 for number in range(10)]
    events = [{"attributes": {"exception.message": {"type": 0, "string_value": text}}} for text in texts]
    entry = {"resource": "x", "meta": {}, "span_events": events}
    conceal([entry])
    kept = [event["attributes"]["exception.message"]["string_value"] for event in events]  # type: ignore[index]
    assert kept[0] == texts[0]
    assert sum(map(len, kept)) <= LONGEST_TEXTS + 10 * len("...")
    assert kept[-1] == "..."
