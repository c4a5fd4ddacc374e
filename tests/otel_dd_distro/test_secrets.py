"""Planted secrets, taken through every plugin and the whole road: none is in any exported byte by default."""

from __future__ import annotations

import copy
from typing import Any

import ormsgpack
import pytest
from opentelemetry import propagate
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from otel_dd_distro import propagation, settings, tracing
from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.pipeline import Pipeline
from otel_instrumentors.flask import FlaskInstrumentor
from otel_instrumentors.jinja2 import Jinja2Instrumentor
from otel_instrumentors.requests import RequestsInstrumentor
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.agents import ScriptedAgent, says

from .secrets.corpus import Plant, corpus
from .secrets.ways import Neighbour, Ways

PLANTS = corpus()
INSTRUMENTORS = (FlaskInstrumentor, Jinja2Instrumentor, RequestsInstrumentor, Sqlite3Instrumentor)
# With and without native span events; what the other exporter gets, with Datadog's names and without.
ROADS = {"native events": (b'{"span_events": true}', "false"), "events in a tag": (b"{}", "true")}


def exported(info: bytes, names: str) -> dict[str, str]:
    """What left the process, by whom it was meant for, as text."""
    exporter = InMemorySpanExporter()
    before, resolve = propagate.get_global_textmap(), datadog_context.resolve
    with ScriptedAgent(info=says(200, info)) as agent:
        read = settings.read(
            {
                "DD_TRACE_AGENT_URL": agent.url,
                "OTEL_TRACES_EXPORTER": "datadog,otlp",
                "OTEL_DD_OTLP_DATADOG_NAMES": names,
            },
            argv=[],
        )
        pipeline = Pipeline(read)
        provider = tracing.TracerProvider(sampler=ALWAYS_ON, resource=Resource({}), shutdown_on_exit=False)
        pipeline.feed(exporter, provider)
        propagate.set_global_textmap(propagation.from_settings(read))
        datadog_context.resolve = pipeline.resolve
        neighbour = Neighbour()
        for instrumentor in INSTRUMENTORS:
            instrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
        try:
            ways = Ways(provider.get_tracer("app"), neighbour)
            for plant in PLANTS:
                ways.take(plant)
            provider.force_flush()
        finally:
            for instrumentor in INSTRUMENTORS:
                instrumentor().uninstrument()
            neighbour.close()
            propagate.set_global_textmap(before)
            datadog_context.resolve = resolve
            provider.shutdown()
        traces = [trace for payload in agent.payloads() for trace in payload.traces()]
        sent = b"".join(request.body + repr(request.headers).encode() for request in agent.requests)
    return {
        "agent": sent.decode("utf-8", "replace"),
        "agent, but for SQL": repr(without_sql(traces)),
        "other": "\n".join(span.to_json() for span in exporter.get_finished_spans()),
    }


def without_sql(traces: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """The same, without the one field that the Agent obfuscates: the resource of SQL spans."""
    traces = copy.deepcopy(traces)
    for span in (span for trace in traces for span in trace):
        if span.get("type") == "sql":
            span["resource"] = ""
    ormsgpack.packb(traces)
    return traces


@pytest.fixture(scope="module", params=ROADS)
def told(request: pytest.FixtureRequest) -> dict[str, str]:
    return exported(*ROADS[request.param])


def test_there_are_enough_of_them_and_no_two_are_alike() -> None:
    assert len(PLANTS) >= 200
    assert len({plant.word for plant in PLANTS}) == len({str(plant) for plant in PLANTS}) == len(PLANTS)
    assert all(plant.word in plant.text for plant in PLANTS if plant.name != "a variable")


SQL = ("statement", "failing_statement", "failing_statement_in_a_request")


@pytest.mark.parametrize("plant", PLANTS, ids=str)
def test_a_planted_secret_is_in_no_exported_byte(told: dict[str, str], plant: Plant) -> None:
    for to in ("agent", "other"):
        assert plant.marker in told[to], "the plant was not traced at all"
    # The Agent obfuscates the statements of SQL spans itself; ddtrace leaves that to it as well.
    assert plant.word not in told["agent, but for SQL" if plant.way in SQL else "agent"]
    assert plant.word not in told["other"]
