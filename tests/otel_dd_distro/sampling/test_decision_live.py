"""Decisions as others see them: what a request carries away, and what stands in the Agent after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agents import Session, clean_environ

INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))
# Routes are known after the span has started, so rules for resources see nothing that a sampler of the SDK could.
PROGRAM = """
import json
import flask
import otel_dd_distro
from opentelemetry import propagate, trace

app = flask.Flask("shop")
tracer = trace.get_tracer("app")
told = []

def told_now():
    headers = {}
    propagate.inject(headers)
    told.append([flask.request.url_rule.rule, headers, otel_dd_distro.explain()])

@app.route("/cart/<id>")
def cart(id):
    told_now()
    return "cart"

@app.route("/health")
def health():
    told_now()
    return "ok"

@app.route("/quiet")
def quiet():
    return "nobody was told"

@app.route("/keep")
def keep():
    with tracer.start_as_current_span("inner") as span:
        span.set_attribute("manual.keep", True)
    told_now()
    return "kept"

@app.route("/late")
def late():
    told_now()
    trace.get_current_span().set_attribute("manual.drop", True)
    told_now()
    return "dropped"

@app.route("/tagged")
def tagged():
    trace.get_current_span().set_attribute("customer.tier", "Gold")
    told_now()
    return "tagged"

@app.route("/fails")
def fails():
    with tracer.start_as_current_span("inner"):
        raise ValueError("no such thing")

client = app.test_client()
for path, headers in json.loads(input()):
    client.get(path, headers=headers).get_data()
print(json.dumps(told))
"""


def run(
    session: Session, *paths: str, headers: dict[str, str] | None = None, **variables: str
) -> tuple[dict[str, list[Any]], dict[str, dict[str, Any]]]:
    """By route: headers and explanations of each injection; by resource: the local root in the Agent."""
    token = ",".join(f"{name}:{value}" for name, value in session.headers.items())
    variables = {"DD_TRACE_AGENT_URL": session.agent.url, "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": token, **variables}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [INSTRUMENT, "python", "-c", PROGRAM],
        input=json.dumps([[one, headers or {}] for one in paths]),
        env=clean_environ(PATH=path, DD_SERVICE="shop", **variables),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, list[Any]] = {}
    for route, carried, explained in json.loads(done.stdout.splitlines()[-1]):
        told.setdefault(route, []).append((carried, explained))
    roots = {span["resource"]: span for span in session.spans() if "runtime-id" in span["meta"]}
    return told, roots


def priority_of(span: dict[str, Any]) -> int:
    return int(span["metrics"]["_sampling_priority_v1"])


RULES = json.dumps(
    [
        {"sample_rate": 0, "resource": "GET /health"},
        {"sample_rate": 1, "tags": {"customer.tier": "gold", "http.method": "*"}},
        {"sample_rate": 0.5, "service": "sh*", "resource": "GET /cart/*"},
    ]
)


def test_rules_rates_and_the_application_decide_and_headers_say_what_is_exported(agent_session: Session) -> None:
    told, roots = run(
        agent_session,
        *["/cart/7", "/health", "/tagged", "/quiet", "/keep", "/late"],
        DD_TRACE_SAMPLING_RULES=RULES,
        DD_TRACE_SAMPLE_RATE="0",
        OTEL_DD_EXPLAIN_SAMPLING="true",
    )
    said = {resource: span["meta"]["otel_dd.sampling"] for resource, span in roots.items()}
    cart = said.pop("GET /cart/<id>")
    assert cart in (
        "kept: rule 3 sh* resource=GET /cart/* rate 0.5",
        "dropped: rule 3 sh* resource=GET /cart/* rate 0.5",
    )
    assert said == {
        "GET /health": "dropped: rule 1 resource=GET /health rate 0",
        "GET /tagged": "kept: rule 2 customer.tier=gold http.method=* rate 1",
        "GET /quiet": "dropped: DD_TRACE_SAMPLE_RATE rate 0",
        "GET /keep": "kept: manual.keep",
        "GET /late": "dropped: manual.drop",
    }
    for route, injections in told.items():
        root = roots[f"GET {route}"]
        headers, explained = injections[-1]
        assert headers["x-datadog-sampling-priority"] == str(priority_of(root)), route
        assert f"s:{priority_of(root)}" in headers["tracestate"]
        assert headers["traceparent"].endswith("-01" if priority_of(root) > 0 else "-00")
        assert headers["x-datadog-tags"].split(",")[0] == f"_dd.p.dm={root['meta']['_dd.p.dm']}"
        assert ("_dd.p.ksr=" in headers["x-datadog-tags"]) == ("_dd.p.ksr" in root["meta"])
        if route != "/late":
            assert explained == root["meta"]["otel_dd.sampling"]
    assert [headers["x-datadog-sampling-priority"] for headers, _ in told["/late"]] == ["-1", "-1"]
    assert [explained for _, explained in told["/late"]] == [
        "dropped: DD_TRACE_SAMPLE_RATE rate 0",
        "dropped: manual.drop",
    ]
    assert roots["GET /tagged"]["metrics"]["_dd.rule_psr"] == 1
    assert roots["GET /tagged"]["metrics"]["_dd.limit_psr"] == 1
    for span in agent_session.spans():
        assert not {"manual.keep", "manual.drop"} & {*span["meta"], *span.get("metrics", ())}


def test_upstreams_word_is_kept_and_its_trace_is_not_kept_late(agent_session: Session) -> None:
    upstream = {
        "x-datadog-trace-id": "9",
        "x-datadog-parent-id": "7",
        "x-datadog-sampling-priority": "0",
        "x-datadog-tags": "_dd.p.dm=-1",
    }
    told, roots = run(
        agent_session,
        *["/cart/7", "/fails"],
        headers=upstream,
        DD_TRACE_SAMPLE_RATE="1",
        OTEL_DD_KEEP_ERRORS="true",
    )
    assert {resource: priority_of(span) for resource, span in roots.items()} == {"GET /cart/<id>": 0, "GET /fails": 0}
    ((headers, explained),) = told["/cart/<id>"]
    assert headers["x-datadog-sampling-priority"] == "0"
    assert explained == "dropped: upstream, priority 0, decision maker -1"


def test_a_dropped_trace_that_fails_is_kept_after_all(agent_session: Session) -> None:
    _, roots = run(
        agent_session, "/fails", "/quiet", OTEL_TRACES_SAMPLER="parentbased_always_off", OTEL_DD_KEEP_ERRORS="true"
    )
    assert priority_of(roots["GET /fails"]) == 2
    assert roots["GET /fails"]["meta"]["otel_dd.kept_for"] == "error"
    assert priority_of(roots["GET /quiet"]) == -1


@pytest.mark.parametrize("limit", ["0", "1"])
def test_single_spans_of_dropped_traces_are_marked(agent_session: Session, limit: str) -> None:
    rules = json.dumps([{"name": "internal", "sample_rate": 1, "max_per_second": int(limit)}])
    run(agent_session, "/fails", DD_TRACE_SAMPLE_RATE="0", DD_SPAN_SAMPLING_RULES=rules)
    marked = [span for span in agent_session.spans() if "_dd.span_sampling.mechanism" in span.get("metrics", ())]
    assert [span["resource"] for span in marked] == (["inner"] if limit == "1" else [])
