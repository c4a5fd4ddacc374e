"""What the demo reads out of spans."""

from __future__ import annotations

from typing import Any

import pytest

from examples import traces

FRONT, STOCK = "shop-front", "shop-stock"


def span(name: str, number: int, parent: int = 0, **more: Any) -> dict[str, Any]:
    plain = {"service": FRONT, "resource": name, "type": "", "start": str(number), "duration": 1_000_000}
    ids = {"trace": "7", "id": str(number), "parent": str(parent) if parent else ""}
    return {"name": name, **ids, **plain, "error": False, "tags": {}, **more}


def checkout(trace: str = "7", served: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """A trace as it should be: both services, joined by the client call; `served` changes what the stock served."""
    return [
        span("flask.request", 1, trace=trace, resource="POST /checkout", type="web"),
        span("sqlite.query", 2, 1, trace=trace, service="sqlite", type="sql"),
        span("requests.request", 3, 1, trace=trace, service="requests", type="http", error=True),
        span("jinja2.render", 6, 1, trace=trace, type="template"),
        {**span("flask.request", 4, 3, trace=trace, service=STOCK, type="web", error=True), **(served or {})},
        span("sqlite.query", 5, 4, trace=trace, service="sqlite", type="sql"),
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


def test_operations_are_counted_by_service_name_and_type() -> None:
    assert traces.operations([*checkout(), *checkout("8")]) == [
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
    larger = [*checkout("8"), span("jinja2.load", 9, 6, trace="8")]
    alone = [span("flask.request", number, trace="9") for number in range(1, 20)]

    assert traces.distributed([*checkout(), *alone, *larger], FRONT, STOCK) == [larger, checkout()]


def test_nothing_is_missing_from_a_whole_trace() -> None:
    assert traces.missing(checkout(), ANSWERED, FRONT, STOCK) == []


@pytest.mark.parametrize("name", ["sqlite.query", "requests.request", "jinja2.render"])
def test_an_operation_that_never_arrived_is_named(name: str) -> None:
    rest = [span for span in checkout() if span["name"] != name]

    assert f"no {name} span arrived" in traces.missing(rest, ANSWERED, FRONT, STOCK)


def test_requests_without_a_span_are_counted_for_each_service() -> None:
    assert traces.missing(checkout(), {FRONT: 3, STOCK: 0}, FRONT, STOCK) == [
        "shop-front answered 3 requests, but spans of 1 arrived",
        "shop-stock answered 0 requests, but spans of 1 arrived",
    ]


@pytest.mark.parametrize("broken", [{"trace": "8"}, {"parent": ""}, {"parent": "1"}])
def test_services_that_are_not_joined_by_the_client_call_are_told(broken: dict[str, str]) -> None:
    assert traces.missing(checkout(served=broken), ANSWERED, FRONT, STOCK) == [
        "no trace holds a request of shop-stock below a requests.request of shop-front"
    ]


def test_each_of_the_services_that_are_called_has_to_be_joined() -> None:
    assert traces.missing(checkout(), ANSWERED, FRONT, STOCK, "shop-delivery") == [
        "no trace holds a request of shop-delivery below a requests.request of shop-front"
    ]


def test_errors_that_never_arrived_are_told() -> None:
    spans = [{**span, "error": False} for span in checkout()]

    assert traces.missing(spans, ANSWERED, FRONT, STOCK) == ["no span is marked as an error"]


def test_one_trace_has_one_upper_half() -> None:
    front, *rest, stock, query = checkout()
    front["tags"] = {"_dd.p.tid": "6553f10000000000"}
    stock["tags"] = {"_dd.p.tid": "0000000000000001"}

    assert traces.missing([front, *rest, stock, query], ANSWERED, FRONT, STOCK) == [
        "trace 7 has 2 different upper halves (_dd.p.tid): 0000000000000001, 6553f10000000000"
    ]


def test_a_demo_without_any_span_names_everything() -> None:
    assert len(traces.missing([], ANSWERED, FRONT, STOCK)) == 7
