"""The comparison, on plain dicts."""

from __future__ import annotations

from typing import Any

import pytest

from parity.comparison import Compared, compare, vanished
from parity.differences import Listed
from tests.parity.spans import raw, recorded

REQUEST = raw(1, "flask.request", resource="GET /tea", meta={"http.method": "GET"}, metrics={"_dd.measured": 1})
QUERY = raw(2, "sqlite.query", 1, resource="SELECT 1")
PAGE = raw(3, "jinja2.render", 1, resource="tea.html")


def compared(theirs: list[dict[str, Any]], ours: list[dict[str, Any]], *listed: Listed) -> Compared:
    return compare("flask", recorded(*theirs), recorded(*ours), listed)


def told(theirs: list[dict[str, Any]], ours: list[dict[str, Any]], *listed: Listed) -> list[str]:
    return [str(each) for each in compared(theirs, ours, *listed).unlisted()]


def test_equal_recordings_have_no_difference() -> None:
    result = compared([REQUEST, QUERY], [REQUEST, QUERY])

    assert result.differences() == []
    assert result.equal() == 7 + 5


@pytest.mark.parametrize(
    ("changed", "field", "expected", "got"),
    [
        ({"name": "web.request"}, "name", "'flask.request'", "'web.request'"),
        ({"resource": "GET /"}, "resource", "'GET /tea'", "'GET /'"),
        ({"service": "flask"}, "service", "'shop'", "'flask'"),
        ({"type": "web"}, "type", "''", "'web'"),
        ({"error": 1}, "error", "0", "1"),
        ({"meta": {"http.method": "get"}}, "meta.http.method", "'GET'", "'get'"),
        ({"meta": {}}, "meta.http.method", "'GET'", "'(none)'"),
        ({"metrics": {}}, "metrics._dd.measured", "1", "'(none)'"),
        ({"metrics": {"_dd.measured": 1, "n": 2}}, "metrics.n", "'(none)'", "2"),
    ],
)
def test_a_changed_field_is_told_with_scenario_step_span_field_and_both_values(
    changed: dict[str, Any], field: str, expected: str, got: str
) -> None:
    assert told([REQUEST, QUERY], [{**REQUEST, **changed}, QUERY]) == [
        f"flask, step “first”, span flask.request GET /tea, {field}: expected {expected}, got {got}"
    ]


def test_a_changed_span_is_told_with_those_above_it() -> None:
    assert told([REQUEST, QUERY], [REQUEST, {**QUERY, "type": "sql"}]) == [
        "flask, step “first”, span flask.request GET /tea > sqlite.query SELECT 1, type: expected '', got 'sql'"
    ]


def test_numbers_are_equal_whatever_their_type_but_are_no_texts() -> None:
    assert told([REQUEST], [{**REQUEST, "metrics": {"_dd.measured": 1.0}}]) == []
    assert len(told([REQUEST], [{**REQUEST, "metrics": {"_dd.measured": "1"}}])) == 1


def test_a_span_that_is_missing_is_told_once_and_what_was_below_it_is_compared() -> None:
    step = raw(2, "flask.dispatch_request", 1)
    below = raw(3, "sqlite.query", 2, resource="SELECT 1")

    above = "flask, step “first”, span flask.request GET /tea > flask.dispatch_request flask.dispatch_request"

    assert told([REQUEST, step, below], [REQUEST, {**QUERY, "type": "sql"}]) == [
        f"{above}, span: expected 'flask.dispatch_request flask.dispatch_request', got '(none)'",
        f"{above} > sqlite.query SELECT 1, type: expected '', got 'sql'",
    ]


def test_a_span_that_only_we_make_is_told() -> None:
    above = "flask, step “first”, span flask.request GET /tea"

    assert told([REQUEST], [REQUEST, QUERY]) == [
        f"{above} > sqlite.query SELECT 1, span: expected '(none)', got 'sqlite.query SELECT 1'"
    ]


def test_a_span_below_another_parent_is_told() -> None:
    beside, below = PAGE, {**PAGE, "parent_id": 2}

    assert len(told([REQUEST, QUERY, beside], [REQUEST, QUERY, below])) == 2


def test_another_order_of_siblings_is_told() -> None:
    assert len(told([REQUEST, QUERY, PAGE], [REQUEST, {**QUERY, "start": 9}, PAGE])) == 2


def test_a_trace_continued_from_another_parent_is_told() -> None:
    assert told([{**REQUEST, "parent_id": 77}], [REQUEST]) == [
        "flask, step “first”, span flask.request GET /tea, parent: expected 'remote, 77 of the trace 7', got '(none)'"
    ]


def test_a_span_in_another_step_is_told() -> None:
    found = told([REQUEST, QUERY], [REQUEST, {**QUERY, "start": 1500}])

    assert [each.partition(", span ")[0] for each in found] == ["flask, step “first”", "flask, step “second”"]


def test_rows_stand_in_the_order_of_both_trees() -> None:
    step = raw(4, "flask.response", 1, start=4, type="web")
    result = compared([REQUEST, QUERY, step, raw(5, "end")], [REQUEST, QUERY, PAGE, raw(5, "end")])

    assert [
        (row.expected.fields["name"] if row.expected else None, row.got.fields["name"] if row.got else None)
        for row in result.rows()
    ] == [
        ("flask.request", "flask.request"),
        ("sqlite.query", "sqlite.query"),
        ("flask.response", None),
        (None, "jinja2.render"),
        ("end", "end"),
    ]


def test_a_listed_difference_is_counted_and_not_told() -> None:
    row = Listed("methods", "because", "flask", fields=("meta.http.*",), ddtrace="GET", ours="get")
    other = {**REQUEST, "meta": {"http.method": "get"}}
    result = compared([REQUEST], [other], row)

    assert result.unlisted() == []
    assert [each.listed for each in result.meant()] == [row]
    assert vanished([row], [result]) == []


@pytest.mark.parametrize(
    "row",
    [
        Listed("another field", "", "flask", fields=("metrics.*",)),
        Listed("another span", "", "flask", fields=("meta.*",), spans=("sqlite.query",)),
        Listed("another value of ddtrace", "", "flask", fields=("meta.*",), ddtrace="POST"),
        Listed("another value of ours", "", "flask", fields=("meta.*",), ours="POST"),
        Listed("another step", "", "flask", fields=("meta.*",), steps=("second",)),
        Listed("another kind of span", "", "flask", fields=("meta.*",), where=(("service", "stock"),)),
    ],
    ids=lambda row: row.title,
)
def test_a_listed_difference_forgives_no_other(row: Listed) -> None:
    assert len(told([REQUEST], [{**REQUEST, "meta": {"http.method": "get"}}], row)) == 1


def test_spans_that_are_left_out_on_purpose_are_not_told_and_no_others_are_forgiven() -> None:
    row = Listed("steps", "", "flask", left_out=("*",), where=(("meta.component", "flask"), ("type", "")))
    step = raw(2, "shop.tea", 1, meta={"component": "flask"})
    below = raw(3, "sqlite.query", 2, resource="SELECT 1")

    assert told([REQUEST, step, below], [REQUEST, QUERY], row) == []
    assert len(told([REQUEST, step, below], [REQUEST], row)) == 1
    assert len(told([REQUEST], [REQUEST, step], row)) == 1


def test_spans_that_we_add_on_purpose_are_not_told_and_no_others_are_forgiven() -> None:
    row = Listed("scripts", "", "flask", added=("sqlite.query SELECT*",))

    assert told([REQUEST], [REQUEST, QUERY], row) == []
    assert len(told([REQUEST, QUERY], [REQUEST], row)) == 1
    assert len(told([REQUEST], [REQUEST, PAGE], row)) == 1


def test_each_pattern_that_no_longer_occurs_where_it_was_shown_is_told() -> None:
    row = Listed("two", "because", "flask", fields=("meta.http.method", "meta.http.url"))
    elsewhere = Listed("elsewhere", "because", "requests", fields=("meta.http.url",))
    result = compared([REQUEST], [{**REQUEST, "meta": {"http.method": "get"}}], row, elsewhere)

    assert vanished([row, elsewhere], [result]) == [
        "differences.toml, “two”: meta.http.url no longer occurs in the scenario flask"
    ]
