"""Database Monitoring's comments, word for word as ddtrace 4.16 writes them (recorded with a driver of psycopg's)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings, tracing
from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.pipeline import Pipeline
from otel_dd_distro.propagation import StylesPropagator
from otel_dd_distro.propagation.statements import Caller, StatementPropagator
from otel_instrumentors.semconv import db
from otel_instrumentors.semconv.db import Comments
from tests.agents import ScriptedAgent, clean_environ

PLAIN = Caller("shop", "prod", "1.2.3", "postgres")
BARE = Caller("shop", "", "", "postgres")
STRANGE = Caller("my shop/käse", "a,b='c'", "100%*/", "p~s")
PEER = {"db.name": "a b", "out.host": "10.0.0.1", "peer.service": "peer"}

AS_DDTRACE = {
    "plain": (
        PLAIN,
        {"db.name": "orders", "out.host": "db.example"},
        "/*dddb='orders',dddbs='postgres',dde='prod',ddh='db.example',ddps='shop',ddpv='1.2.3'*/ ",
    ),
    "only services": (BARE, {}, "/*dddbs='postgres',ddps='shop'*/ "),
    "signs that SQL or the driver would take for its own": (
        STRANGE,
        PEER,
        (
            "/*dddb='a%%20b',dddbs='p~s',dde='a%%2Cb%%3D%%27c%%27',ddh='10.0.0.1',ddprs='peer',"
            "ddps='my%%20shop/k%%C3%%A4se',ddpv='100%%25%%2A/'*/ "
        ),
    ),
}


@pytest.fixture
def propagator() -> Iterator[StylesPropagator]:
    before = propagate.get_global_textmap()
    propagator = StylesPropagator()
    propagate.set_global_textmap(propagator)
    yield propagator
    propagate.set_global_textmap(before)


def comment(attributes: dict[str, Any], comments: Comments = Comments.DOUBLED) -> tuple[str, Any]:
    """The comment of a span with these attributes, and the span."""
    from opentelemetry.trace import set_span_in_context

    span = TracerProvider(shutdown_on_exit=False).get_tracer("app").start_span("x", kind=SpanKind.CLIENT)
    span.set_attributes(attributes)
    return db.comment(set_span_in_context(span), comments), span


@pytest.mark.parametrize("case", AS_DDTRACE)
def test_a_statement_tells_who_sends_it(propagator: StylesPropagator, case: str) -> None:
    caller, attributes, expected = AS_DDTRACE[case]
    propagator.statements = StatementPropagator(lambda _: caller, full=False)
    written, span = comment(attributes)
    assert written == expected
    assert "_dd.dbm_trace_injected" not in span.attributes


@pytest.mark.parametrize(("priority", "flag"), [(2, "01"), (1, "01"), (0, "00"), (-1, "00")])
@pytest.mark.parametrize("case", AS_DDTRACE)
def test_in_full_it_tells_the_span_and_the_decision_too(
    propagator: StylesPropagator, case: str, priority: int, flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, attributes, expected = AS_DDTRACE[case]
    monkeypatch.setattr(datadog_context, "resolve", lambda context, span: DatadogContext(priority))
    propagator.statements = StatementPropagator(lambda _: caller, full=True)
    written, span = comment(attributes)
    ids = span.get_span_context()
    traceparent = f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{flag}"
    assert written == expected.removesuffix("*/ ") + f",traceparent='{traceparent}'*/ "
    assert span.attributes["_dd.dbm_trace_injected"] == "true"


def test_the_names_that_the_conventions_give_host_and_database_are_understood(propagator: StylesPropagator) -> None:
    propagator.statements = StatementPropagator(lambda _: BARE, full=False)
    written, _ = comment({"db.namespace": "orders", "server.address": "db.example"}, Comments.PLAIN)
    assert written == "/*dddb='orders',dddbs='postgres',ddh='db.example',ddps='shop'*/ "


def test_where_peer_services_are_said_the_database_stands_for_its_service(propagator: StylesPropagator) -> None:
    propagator.statements = StatementPropagator(lambda _: BARE, by_database=True)
    assert comment({"db.namespace": "orders"})[0] == "/*dddb='orders',dddbs='orders',ddps='shop'*/ "
    assert comment({})[0] == "/*dddbs='postgres',ddps='shop'*/ "


def test_a_span_that_is_not_recorded_makes_no_comment(propagator: StylesPropagator) -> None:
    from opentelemetry.trace import INVALID_SPAN, set_span_in_context

    propagator.statements = StatementPropagator(lambda _: PLAIN, full=True)
    assert db.comment(set_span_in_context(INVALID_SPAN), Comments.PLAIN) == ""


def test_the_fields_are_the_keys_that_it_may_write() -> None:
    service, full = (StatementPropagator(lambda _: PLAIN, full=full).fields for full in (False, True))
    assert service == {"dddb", "dddbs", "dde", "ddh", "ddprs", "ddps", "ddpv"}
    assert full == service | {"traceparent"}


@pytest.mark.parametrize("make", [TracerProvider, tracing.TracerProvider])
def test_a_comment_is_a_reason_to_decide_and_the_decision_stands(
    make: type[TracerProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry.trace import set_span_in_context

    with ScriptedAgent() as agent:
        pipeline = Pipeline(settings.read({"DD_SERVICE": "shop", "DD_TRACE_AGENT_URL": agent.url}, argv=[]))
        monkeypatch.setattr(datadog_context, "resolve", pipeline.resolve)
        resource = Resource({"service.version": "2", "deployment.environment.name": "test"})
        provider = make(resource=resource, shutdown_on_exit=False)
        pipeline.serve(provider)
        propagator = StatementPropagator(pipeline.caller, full=True)
        tracer = provider.get_tracer("app")
        with tracer.start_as_current_span("root"):
            span = tracer.start_span("select", attributes={"service.name": "orders-db"})
            carrier: dict[str, str] = {}
            propagator.inject(carrier, set_span_in_context(span))
            span.end()
        provider.shutdown()
        ids = span.get_span_context()
        assert carrier == {
            "dddbs": "orders-db",
            "dde": "test",
            "ddps": "shop",
            "ddpv": "2",
            "traceparent": f"00-{ids.trace_id:032x}-{ids.span_id:016x}-01",
        }
        (trace,) = (trace for payload in agent.payloads() for trace in payload.traces())
    root, select = sorted(trace, key=lambda span: span.get("parent_id", 0))
    assert root["metrics"]["_sampling_priority_v1"] == 1
    assert select["meta"]["_dd.dbm_trace_injected"] == "true"


@pytest.mark.parametrize(
    ("mode", "found"), [("", False), ("disabled", False), ("service", True), ("FULL", True), ("nonsense", False)]
)
def test_the_mode_is_a_variable(mode: str, found: bool) -> None:
    program = (
        "import json, otel_dd_distro; otel_dd_distro.install(); from opentelemetry import propagate;"
        "print(json.dumps(sorted(getattr(propagate.get_global_textmap().statements, 'fields', []))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environ(DD_DBM_PROPAGATION_MODE=mode),
        capture_output=True,
        text=True,
        timeout=120,
    )
    fields = json.loads(done.stdout)
    assert bool(fields) == found
    assert ("traceparent" in fields) == (mode == "FULL")
    assert ("DD_DBM_PROPAGATION_MODE='nonsense'" in done.stderr) == (mode == "nonsense")
