"""The whole road, from spans to the test agent: what is counted is what happened, whatever is sampled."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import ormsgpack
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_dd_distro.pipeline import Pipeline
from otel_dd_distro.settings import read
from tests.agents import RunningAgent, Session
from tests.otel_dd_distro.stats.made import bins, sketch

TRACES = 600
RATE = 0.1


class App:
    """A program under trace, with its own pipeline."""

    def __init__(self, agent: RunningAgent, session: Session, **environ: str) -> None:
        self.session = session
        (header,) = session.headers.items()
        self.pipeline = Pipeline(
            read(
                {
                    "DD_SERVICE": "shop",
                    "DD_ENV": "prod",
                    "DD_VERSION": "1.4",
                    "DD_TRACE_AGENT_URL": agent.url,
                    "DD_TRACE_STATS_COMPUTATION_ENABLED": "true",
                    "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": ":".join(header),
                    **environ,
                },
                argv=(),
            )
        )
        self.provider = TracerProvider(resource=Resource({}), shutdown_on_exit=False)
        self.pipeline.serve(self.provider)
        self.tracer = self.provider.get_tracer("app")

    def request(self, number: int) -> None:
        """Every 10th fails; each has a call to a database and some work of its own."""
        with self.tracer.start_as_current_span(
            "handle",
            kind=SpanKind.SERVER,
            attributes={"http.request.method": "GET", "http.route": f"/{number % 3}", "http.response.status_code": 200},
        ) as root:
            with self.tracer.start_as_current_span(
                "query", kind=SpanKind.CLIENT, attributes={"db.system.name": "postgresql", "db.namespace": "orders"}
            ):
                pass
            with self.tracer.start_as_current_span("inner"):
                pass
            if number % 10 == 0:
                root.set_status(Status(StatusCode.ERROR))

    def flush(self) -> None:
        assert self.provider.force_flush(10_000)

    def groups(self) -> list[dict[str, Any]]:
        sent = [ormsgpack.unpackb(request["body"]) for request in self.session.requests("/v0.6/stats")]
        return [group for payload in sent for bucket in payload["Stats"] for group in bucket["Stats"]]

    def totals(self, field: str) -> Counter[tuple[str, str]]:
        totals: Counter[tuple[str, str]] = Counter()
        for group in self.groups():
            totals[group["Name"], group["Resource"]] += group[field]
        return totals


@pytest.fixture
def apps(test_agent: RunningAgent) -> Iterator[Any]:
    made: list[App] = []

    def make(rates: dict[str, float] | None = None, **environ: str) -> App:
        made.append(App(test_agent, test_agent.session(rates), **environ))
        return made[-1]

    yield make
    for app in made:
        app.provider.shutdown()


def test_hits_and_errors_are_right_at_ten_percent(apps: Any) -> None:
    app = apps({"service:shop,env:prod": RATE, "service:,env:": RATE})
    # The rates come with the answer to the first payload.
    app.request(1)
    app.flush()
    for number in range(TRACES):
        app.request(number)
    app.flush()

    server = ("http.server.request", "GET /{}")
    hits, errors, top = app.totals("Hits"), app.totals("Errors"), app.totals("TopLevelHits")
    for route in range(3):
        name = (server[0], server[1].format(route))
        assert hits[name] == TRACES // 3 + (route == 1)
        assert top[name] == hits[name]
        assert errors[name] == TRACES // 30
    queries = ("postgresql.query", "postgresql.query")
    assert sum(count for (name, _), count in hits.items() if name == queries[0]) == TRACES + 1
    assert hits.total() == 2 * (TRACES + 1), "and nothing else is counted"
    assert app.totals("Errors").total() == TRACES // 10

    # The test agent reads them, and reads the same.
    decoded = [
        group
        for payload in app.session.stats()
        for bucket in payload["Stats"]
        for group in bucket["Stats"]
        if group["Name"] == server[0]
    ]
    assert sum(group["Hits"] for group in decoded) == TRACES + 1
    assert sum(group["Errors"] for group in decoded) == TRACES // 10

    for group in app.groups():
        ok, failed = bins(group["OkSummary"]), bins(group["ErrorSummary"])
        assert sum(ok.values()) + sketch(group["OkSummary"]).zeroCount == group["Hits"] - group["Errors"]
        assert sum(failed.values()) + sketch(group["ErrorSummary"]).zeroCount == group["Errors"]

    # About a tenth of the others was sent, all errors were, and the Agent knows of the rest.
    traces = app.session.traces()
    failed = [trace for trace in traces if any(span.get("error") for span in trace)]
    assert len(failed) == TRACES // 10
    kept = len(traces) - len(failed) - 1
    others = TRACES - len(failed)
    assert abs(kept - RATE * others) < 5 * math.sqrt(others * RATE * (1 - RATE))
    requests = app.session.requests()
    assert all(request["headers"]["Datadog-Client-Computed-Stats"] == "yes" for request in requests)
    told = sum(int(request["headers"].get("Datadog-Client-Dropped-P0-Traces", 0)) for request in requests)
    assert told == others - kept
    counters = app.pipeline.counters()
    assert counters.dropped == {"p0": 3 * told}
    assert counters.accepted == counters.sent + 3 * told
    assert counters.queued == 0


def test_the_groups_are_whole(apps: Any) -> None:
    app = apps(DD_TRACE_STATS_ADDITIONAL_TAGS="env,none")
    app.request(1)
    app.flush()
    server, query = sorted(app.groups(), key=lambda group: group["SpanKind"], reverse=True)
    for group in (server, query):
        assert group.pop("Duration") > 0
        assert len(group.pop("OkSummary")) > len(group.pop("ErrorSummary"))
    assert server == {
        "Service": "shop",
        "Name": "http.server.request",
        "Resource": "GET /1",
        "Type": "web",
        "HTTPStatusCode": 200,
        "DBType": "",
        "Hits": 1,
        "TopLevelHits": 1,
        "Errors": 0,
        "Synthetics": False,
        "SpanKind": "server",
        "PeerTags": [],
        "IsTraceRoot": 1,
        "GRPCStatusCode": "",
        "HTTPMethod": "GET",
        "HTTPEndpoint": "/1",
        "srv_src": server["srv_src"],
        "AdditionalMetricTags": ["env:prod"],
    }
    assert (query["SpanKind"], query["TopLevelHits"], query["IsTraceRoot"]) == ("client", 0, 2)
    assert query["PeerTags"] == ["db.name:orders"]


def test_without_the_setting_the_agent_counts(apps: Any) -> None:
    app = apps({"service:,env:": 0.0}, DD_TRACE_STATS_COMPUTATION_ENABLED="false")
    for number in range(5):
        app.request(number)
        app.flush()
    assert app.groups() == []
    assert len(app.session.traces()) == 5
    assert all("Datadog-Client-Computed-Stats" not in request["headers"] for request in app.session.requests())


def test_at_a_rate_of_zero_all_is_counted_and_only_errors_travel(apps: Any) -> None:
    app = apps({"service:,env:": 0.0})
    app.request(1)
    app.flush()
    for number in range(20):
        app.request(number)
    app.flush()
    assert app.totals("Hits").total() == 42
    priorities = [root["metrics"]["_sampling_priority_v1"] for (root, *_) in app.session.traces()]
    assert sorted(priorities) == [0, 0, 1], "the first, before there was a rate, and two errors"


def test_a_long_trace_in_parts_is_counted_once(apps: Any) -> None:
    app = apps({"service:,env:": 0.0}, DD_TRACE_PARTIAL_FLUSH_MIN_SPANS="10")
    app.request(1)
    app.flush()
    with app.tracer.start_as_current_span("long"):
        for _ in range(95):
            with app.tracer.start_as_current_span("call", kind=SpanKind.CLIENT):
                pass
    app.flush()
    assert app.totals("Hits").total() == 2 + 96
    assert app.pipeline.counters().dropped == {"p0": 96}


def test_the_last_counts_leave_at_the_end(apps: Any) -> None:
    app = apps()
    app.request(1)
    app.provider.shutdown()
    assert app.totals("Hits").total() == 2


def test_single_spans_of_dropped_traces_arrive_with_what_their_trace_says(apps: Any) -> None:
    app = apps({"service:,env:": 0.0}, DD_SPAN_SAMPLING_RULES='[{"name": "postgresql.*", "sample_rate": 1}]')
    app.request(1)
    app.flush()
    for number in range(1, 6):
        app.request(number)
    app.flush()
    assert app.totals("Hits").total() == 12
    singles = [trace for trace in app.session.traces() if len(trace) == 1]
    assert len(singles) == 5
    for (span,) in singles:
        assert span["name"] == "postgresql.query"
        assert span["metrics"]["_dd.span_sampling.mechanism"] == 8
        assert span["metrics"]["_sampling_priority_v1"] == 0
        assert len(span["meta"]["_dd.p.tid"]) == 16
        assert span["meta"]["language"] == "python"
    assert app.pipeline.counters().dropped == {"p0": 10}
