from __future__ import annotations

from otel_dd_distro.translate.secrets import conceal


def test_spans_around_a_failed_statement_do_not_tell_its_literals_either() -> None:
    told = "near 'hunter2'"
    statement = {"type": "sql", "error": 1, "resource": "select 'hunter2'", "meta": {"error.message": told}}
    around = {"type": "web", "error": 1, "resource": "GET /", "meta": {"error.message": told, "a": told}}
    fine = {"type": "web", "resource": "GET /", "meta": {"a": told}}
    conceal([around, statement, fine])
    assert (around["meta"], fine["meta"]) == ({"error.message": "near '?'", "a": told}, {"a": told})
    assert statement["meta"] == {"error.message": "near '?'"}
    assert statement["resource"] == "select 'hunter2'"
