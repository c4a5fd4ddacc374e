"""What is taken out of a recording before it is compared, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parity.recorded import OUTSIDE, Places, Told, Value, fields, known_ids, told, trees, with_names
from tests.parity.spans import raw, recorded


@pytest.mark.parametrize(
    ("key", "value", "steady"),
    [
        ("meta.runtime-id", "0123456789abcdef0123456789abcdef", "<32 hex digits>"),
        ("meta.runtime-id", "none", "none"),
        ("metrics.process_id", 4711, "<process id>"),
        ("meta.error.stack", "Traceback (most recent call last):\n  File", "<stack>"),
        ("meta.error.stack", "<traceback object at 0x7f0123456789>", "<traceback object at <address>>"),
        ("meta.http.url", "http://127.0.0.1:41234/tea?port=1", "http://127.0.0.1:<port>/tea?port=1"),
        ("meta.error.message", "HTTPConnectionPool(host='a', port=41234)", "HTTPConnectionPool(host='a', port=<port>)"),
        ("meta.jinja2.template_path", "/somewhere/else/a.html", "<directory>/a.html"),
        ("meta.http.url", "http://shop.example:8000/", "http://shop.example:8000/"),
        ("metrics.n", 41234, 41234),
    ],
)
def test_what_changes_from_run_to_run_is_replaced(key: str, value: Value, steady: Value) -> None:
    assert Places({"/somewhere/else": "<directory>"}).steady(key, value) == steady


@pytest.mark.parametrize("more", [{}, {"type": None, "error": 0, "resource": "tea"}, {"type": "", "resource": ""}])
def test_what_the_agent_reads_as_the_same_is_the_same(more: dict[str, Any]) -> None:
    assert fields(raw(1, "tea", **more), Places()) == {
        "name": "tea",
        "service": "shop",
        "resource": "tea",
        "type": "",
        "error": 0,
    }


def test_whatever_else_a_span_holds_is_compared() -> None:
    links = [{"trace_id": 1, "span_id": 2}]

    assert fields(raw(1, "tea", span_links=links), Places())["span_links"] == '[{"span_id": 2, "trace_id": 1}]'


def test_links_tell_which_spans_they_lead_to_and_not_their_ids() -> None:
    sender, elsewhere = raw(10, "sender"), {"trace_id": 77, "span_id": 78}
    to_sender = {"trace_id": sender["trace_id"], "span_id": sender["span_id"], "tracestate": "dd=s:1"}
    [node] = recorded(sender, raw(1500, "receiver", span_links=[to_sender, elsewhere]))["second"]

    named = {"span_id": f"<id of {sender['name']}>", "trace_id": "<trace id>"}
    assert json.loads(str(node.fields["span_links"])) == [named, elsewhere]


def test_spans_are_sorted_into_the_steps_in_which_they_started() -> None:
    steps = recorded(raw(2, "b"), raw(1, "a"), raw(1500, "c"), raw(2500, "d"))

    assert {name: [node.fields["name"] for node in nodes] for name, nodes in steps.items()} == {
        "first": ["a", "b"],
        "second": ["c"],
        OUTSIDE: ["d"],
    }


def test_a_step_without_spans_is_there() -> None:
    assert recorded() == {"first": [], "second": []}


def test_a_parent_in_another_step_is_told() -> None:
    steps = recorded(raw(1, "a"), raw(1500, "b", 1))

    assert steps["second"][0].fields["parent"] == "a a, in the step first"


def test_two_steps_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two steps of one name"):
        trees([], Told([("a", 0, 1), ("a", 2, 3)]), Places())


def test_the_upper_half_of_a_trace_id_is_compared_where_another_service_gave_it() -> None:
    own, given = (
        recorded(raw(1, "a", parent, meta={"_dd.p.tid": "640cfd8d0000abcd"}))["first"][0] for parent in (0, 77)
    )

    assert own.fields["meta._dd.p.tid"] == "<upper half of the trace id>"
    assert given.fields["meta._dd.p.tid"] == "640cfd8d0000abcd"


def test_ids_in_headers_are_called_by_what_they_are() -> None:
    trace_id, tid = 0x0123456789ABCDEF, "640cfd8d00000000"
    span = {**raw(0x1122334455667788, "requests.request", meta={"_dd.p.tid": tid}), "trace_id": trace_id}
    ids = known_ids([span])

    assert with_names(str(trace_id), ids) == "<trace id>"
    assert with_names(f"00-{tid}{trace_id:016x}-1122334455667788-01", ids) == (
        "00-<upper half><trace id>-<id of requests.request>-01"
    )
    assert with_names("00-00000000000000000000000000000001-0000000000000002-01", ids) == (
        "00-00000000000000000000000000000001-0000000000000002-01"
    )


def test_what_the_program_saw_stands_beside_the_spans_of_its_step() -> None:
    heard = told(
        'noise\n{"saw": "headers", "values": {"b": "2", "a": "1"}, "at": 5}\n{"step": "first", "begin": 0, "end": 9}\n'
    )
    (seen,) = trees([], heard, Places())["first"]

    assert seen.fields == {"name": "seen", "resource": "headers", "a": "1", "b": "2"}
