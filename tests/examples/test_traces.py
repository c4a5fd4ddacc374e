"""What the demo reads out of spans."""

from __future__ import annotations

from typing import Any

import pytest

from examples import traces

FRONT, STOCK = "shop-front", "shop-stock"


def span(name: str, span_id: int, parent_id: int = 0, **more: Any) -> dict[str, Any]:
    plain = {"service": FRONT, "resource": name, "type": "", "trace_id": 7, "start": span_id, "duration": 1_000_000}
    return {"name": name, "span_id": span_id, "parent_id": parent_id, **plain, **more}


def checkout(trace_id: int = 7, served: dict[str, int] | None = None) -> list[dict[str, Any]]:
    """A trace as it should be: both services, joined by the client call; `served` changes what the stock served."""
    return [
        span("flask.request", 1, trace_id=trace_id, resource="POST /checkout", type="web"),
        span("sqlite.query", 2, 1, trace_id=trace_id, service="sqlite", type="sql"),
        span("requests.request", 3, 1, trace_id=trace_id, service="requests", type="http", error=1),
        span("jinja2.render", 6, 1, trace_id=trace_id, type="template"),
        {**span("flask.request", 4, 3, trace_id=trace_id, service=STOCK, type="web", error=1), **(served or {})},
        span("sqlite.query", 5, 4, trace_id=trace_id, service="sqlite", type="sql"),
    ]


ANSWERED = {FRONT: 1, STOCK: 1}


def test_a_trace_is_drawn_with_each_span_below_its_parent_in_the_order_in_which_they_started() -> None:
    drawn = [guide + span["name"] for guide, span in traces.outline(traces.tree(reversed(checkout())))]

    assert drawn == [
        "flask.request",
        "├─ sqlite.query",
        "├─ requests.request",
        "│  └─ flask.request",
        "│     └─ sqlite.query",
        "└─ jinja2.render",
    ]


def test_a_span_whose_parent_has_not_arrived_is_drawn_as_a_root() -> None:
    drawn = [guide + span["name"] for guide, span in traces.outline(traces.tree(checkout()[3:]))]

    assert drawn == ["flask.request", "└─ sqlite.query", "jinja2.render"]


def test_a_root_without_a_parent_id_is_a_root() -> None:
    root = span("flask.request", 1)
    del root["parent_id"]

    assert traces.tree([root]) == [traces.Branch(root, [])]


def test_operations_are_counted_by_service_name_and_type() -> None:
    assert traces.operations([*checkout(7), *checkout(8)]) == [
        traces.Operation("requests", "requests.request", "http", count=2, errors=2, p50=1.0, p95=1.0),
        traces.Operation(FRONT, "flask.request", "web", count=2, errors=0, p50=1.0, p95=1.0),
        traces.Operation(FRONT, "jinja2.render", "template", count=2, errors=0, p50=1.0, p95=1.0),
        traces.Operation(STOCK, "flask.request", "web", count=2, errors=2, p50=1.0, p95=1.0),
        traces.Operation("sqlite", "sqlite.query", "sql", count=4, errors=0, p50=1.0, p95=1.0),
    ]


def test_percentiles_are_durations_that_were_measured() -> None:
    hundred = [span("sqlite.query", number, duration=number * 1_000_000) for number in range(100, 0, -1)]

    [operation] = traces.operations(hundred)

    assert (operation.p50, operation.p95) == (50.0, 95.0)


def test_the_trace_with_the_most_spans_that_joins_both_services_is_shown() -> None:
    larger = [*checkout(8), span("jinja2.load", 9, 6, trace_id=8)]
    alone = [span("flask.request", number, trace_id=9) for number in range(1, 20)]

    assert traces.distributed([*checkout(7), *alone, *larger], FRONT, STOCK) == [larger, checkout(7)]


def test_nothing_is_missing_from_a_whole_trace() -> None:
    assert traces.missing(checkout(), ANSWERED, FRONT, STOCK) == []


@pytest.mark.parametrize("name", ["sqlite.query", "requests.request", "jinja2.render"])
def test_an_operation_that_never_arrived_is_named(name: str) -> None:
    rest = [span for span in checkout() if span["name"] != name]

    assert f"no {name} span arrived" in traces.missing(rest, ANSWERED, FRONT, STOCK)


def test_requests_without_a_span_are_counted_for_each_service() -> None:
    assert traces.missing(checkout(), {FRONT: 3, STOCK: 0}, FRONT, STOCK) == [
        "shop-front answered 3 requests, but 1 flask.request spans of it arrived",
        "shop-stock answered 0 requests, but 1 flask.request spans of it arrived",
    ]


@pytest.mark.parametrize("broken", [{"trace_id": 8}, {"parent_id": 0}, {"parent_id": 1}])
def test_services_that_are_not_joined_by_the_client_call_are_told(broken: dict[str, int]) -> None:
    assert traces.missing(checkout(served=broken), ANSWERED, FRONT, STOCK) == [
        "no trace holds a flask.request of shop-stock below a requests.request of shop-front"
    ]


def test_errors_that_never_arrived_are_told() -> None:
    spans = [{**span, "error": 0} for span in checkout()]

    assert traces.missing(spans, ANSWERED, FRONT, STOCK) == ["no span is marked as an error"]


def test_one_trace_has_one_upper_half() -> None:
    front, *rest, stock, query = checkout()
    front["meta"] = {"_dd.p.tid": "6553f10000000000"}
    stock["meta"] = {"_dd.p.tid": "0000000000000001"}

    assert traces.missing([front, *rest, stock, query], ANSWERED, FRONT, STOCK) == [
        "trace 7 has 2 different upper halves (_dd.p.tid): 0000000000000001, 6553f10000000000"
    ]


def test_a_demo_without_any_span_names_everything() -> None:
    assert len(traces.missing([], ANSWERED, FRONT, STOCK)) == 7
