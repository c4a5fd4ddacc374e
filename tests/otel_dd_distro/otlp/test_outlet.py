"""Both worlds at once: the Agent and another exporter get the same spans, each by its own names."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanKind

from otel_dd_distro import settings, tracing
from otel_dd_distro.otlp.outlet import QUEUE_SIZE, Outlet
from otel_dd_distro.otlp.outlets import Outlets
from otel_dd_distro.pipeline import Pipeline
from tests.agents import ScriptedAgent, clean_environ, says

NAMES = ("operation.name", "resource.name", "service.name", "span.type")
DROP = {"DD_TRACE_SAMPLE_RATE": "0"}


class BothWorlds:
    """A pipeline with an exporter in memory beside a scripted Agent."""

    def __init__(self, agent: ScriptedAgent, light: bool = True, **variables: str) -> None:
        environ = {"DD_SERVICE": "shop", "DD_TRACE_AGENT_URL": agent.url, "OTEL_TRACES_EXPORTER": "datadog,otlp"}
        self.agent = agent
        self.pipeline = Pipeline(settings.read({**environ, **variables}, argv=[]))
        make = tracing.TracerProvider if light else TracerProvider
        resource = Resource({"service.name": "shop"})
        self.provider = make(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        self.exporter = InMemorySpanExporter()
        self.pipeline.feed(self.exporter, self.provider)
        self.tracer = self.provider.get_tracer("app", "1.0")

    def arrived(self) -> tuple[dict[int, dict[str, Any]], dict[int, ReadableSpan]]:
        """By span id: what the Agent has, what the other exporter has."""
        self.provider.force_flush()
        theirs = {span.context.span_id: span for span in self.exporter.get_finished_spans() if span.context}
        maps = [span for payload in self.agent.payloads() for trace in payload.traces() for span in trace]
        return {span["span_id"]: span for span in maps}, theirs


@pytest.fixture
def agent() -> Iterator[ScriptedAgent]:
    with ScriptedAgent() as agent:
        yield agent


def request(tracer: Any) -> None:
    """A server span with a database span in it."""
    with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER, attributes={"http.request.method": "GET"}) as root:
        root.add_event("seen", {"by": "us"})
        root.add_link(root.get_span_context(), {"to": "itself"})
        with tracer.start_as_current_span(
            "SELECT", kind=SpanKind.CLIENT, attributes={"db.system.name": "sqlite", "db.query.text": "select 1"}
        ):
            pass


@pytest.mark.parametrize("light", [True, False])
def test_each_gets_the_same_spans_by_its_own_names(agent: ScriptedAgent, light: bool) -> None:
    both = BothWorlds(agent, light)
    request(both.tracer)
    ours, theirs = both.arrived()
    assert sorted(ours) == sorted(theirs)
    assert len(theirs) == 2
    assert sorted(entry["name"] for entry in ours.values()) == ["http.server.request", "sqlite.query"]
    assert sorted(span.name for span in theirs.values()) == ["GET /", "SELECT"]
    assert not [key for span in theirs.values() for key in span.attributes or {} if key in NAMES]
    both.provider.shutdown()


@pytest.mark.parametrize("light", [True, False])
def test_on_request_the_other_exporters_spans_bear_datadogs_names(agent: ScriptedAgent, light: bool) -> None:
    both = BothWorlds(agent, light, OTEL_DD_OTLP_DATADOG_NAMES="true", DD_SERVICE_MAPPING="shop:store")
    request(both.tracer)
    ours, theirs = both.arrived()
    assert len(theirs) == 2
    for span_id, span in theirs.items():
        entry, attributes = ours[span_id], span.attributes or {}
        named = [entry["name"], entry["resource"].replace("select 1", "select ?"), entry["service"], entry["type"]]
        assert [attributes[key] for key in NAMES] == named
        assert attributes["service.name"] == "store"
        assert span.resource.attributes["service.name"] == "shop"
    both.provider.shutdown()


def test_a_named_span_is_otherwise_the_span_it_was(agent: ScriptedAgent) -> None:
    plain, named = BothWorlds(agent), BothWorlds(agent, OTEL_DD_OTLP_DATADOG_NAMES="true")
    shown = []
    for both in (plain, named):
        request(both.tracer)
        _, theirs = both.arrived()
        told = [json.loads(span.to_json()) for span in theirs.values()]
        for one in told:
            for key in ("start_time", "end_time", "context", "parent_id"):
                one.pop(key)
            for event in one["events"]:
                event.pop("timestamp")
            for link in one["links"]:
                link.pop("context")
            for key in NAMES:
                one["attributes"].pop(key, None)
        shown.append(sorted(told, key=lambda one: one["name"]))
        for span in theirs.values():
            assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (0, 0, 0)
        both.provider.shutdown()
    assert shown[0] == shown[1]


def test_what_a_span_had_to_leave_out_stays_counted(agent: ScriptedAgent) -> None:
    both = BothWorlds(agent, OTEL_DD_OTLP_DATADOG_NAMES="true")
    span = both.tracer.start_span("much", attributes={str(number): number for number in range(140)})
    link = Link(span.get_span_context())
    for _ in range(130):
        span.add_event("again")
        span.add_link(link.context)
    span.end()
    _, theirs = both.arrived()
    (much,) = theirs.values()
    assert (much.dropped_attributes, much.dropped_events, much.dropped_links) == (12, 2, 2)
    both.provider.shutdown()


def test_a_trace_that_is_not_kept_goes_to_the_agent_alone(agent: ScriptedAgent) -> None:
    both = BothWorlds(agent, **DROP)
    request(both.tracer)
    ours, theirs = both.arrived()
    assert (len(ours), len(theirs)) == (2, 0)
    both.provider.shutdown()


def test_a_single_span_that_is_kept_goes_to_both(agent: ScriptedAgent) -> None:
    both = BothWorlds(agent, **DROP, DD_SPAN_SAMPLING_RULES='[{"name": "sqlite.query"}]')
    request(both.tracer)
    ours, theirs = both.arrived()
    assert (len(ours), [span.name for span in theirs.values()]) == (2, ["SELECT"])
    both.provider.shutdown()


def test_the_decision_of_the_end_counts(agent: ScriptedAgent) -> None:
    """Head sampling drops it; being in error keeps it after all."""
    both = BothWorlds(agent, **DROP, OTEL_DD_KEEP_ERRORS="true")
    with pytest.raises(ValueError, match="no"), both.tracer.start_as_current_span("fails"):
        raise ValueError("no")
    both.tracer.start_span("works").end()
    _, theirs = both.arrived()
    assert [span.name for span in theirs.values()] == ["fails"]
    both.provider.shutdown()


def test_a_part_of_a_trace_goes_to_both_when_it_is_sent(agent: ScriptedAgent) -> None:
    both = BothWorlds(agent, DD_TRACE_PARTIAL_FLUSH_MIN_SPANS="2")
    with both.tracer.start_as_current_span("root"):
        for number in range(4):
            both.tracer.start_span(str(number)).end()
        ours, theirs = both.arrived()
        assert (len(ours), len(theirs)) == (4, 4)
    both.provider.shutdown()


def test_a_chunk_that_is_too_large_and_sent_in_halves_reaches_the_other_exporter_once(agent: ScriptedAgent) -> None:
    both = BothWorlds(agent, DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES="2000")
    with both.tracer.start_as_current_span("root"):
        for number in range(16):
            both.tracer.start_span(str(number), attributes={"text": "x" * 200}).end()
    both.provider.force_flush()
    assert len(agent.payloads()) > 1
    assert len(both.exporter.get_finished_spans()) == 17
    both.provider.shutdown()


def test_spans_of_another_provider_are_not_exported_for_it(agent: ScriptedAgent) -> None:
    both = BothWorlds(agent)
    other = TracerProvider(shutdown_on_exit=False)
    both.pipeline.serve(other)
    other.get_tracer("app").start_span("other").end()
    ours, theirs = both.arrived()
    assert (len(ours), len(theirs)) == (1, 0)
    other.shutdown()
    both.provider.shutdown()


def test_an_agent_that_is_down_keeps_nothing_from_the_other_exporter() -> None:
    with ScriptedAgent(says(503)) as agent:
        both = BothWorlds(agent)
        request(both.tracer)
        _, theirs = both.arrived()
        assert len(theirs) == 2
        both.provider.shutdown()


def test_another_exporter_that_breaks_keeps_nothing_from_the_agent(
    agent: ScriptedAgent, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            raise OSError("gone")

        def shutdown(self) -> None:
            raise OSError("gone")

    both = BothWorlds(agent)
    both.pipeline.feed(Broken(), both.provider)
    request(both.tracer)
    ours, theirs = both.arrived()
    assert (len(ours), len(theirs)) == (2, 2)
    assert "Exception while exporting Span" in caplog.text
    both.provider.shutdown()
    assert "Another span exporter failed (logged only once): OSError: gone" in caplog.text


def test_an_exporter_that_takes_for_ever_does_not_keep_the_application_from_its_exit(agent: ScriptedAgent) -> None:
    stopped = threading.Event()

    class Endless(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            stopped.wait(60)
            return SpanExportResult.FAILURE

        def shutdown(self) -> None:
            stopped.set()

    both = BothWorlds(agent, OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="0.3")
    both.pipeline.feed(Endless(), both.provider)
    request(both.tracer)
    began = time.monotonic()
    both.provider.shutdown()
    assert time.monotonic() - began < 30


def test_thousands_of_spans_at_once_find_room(agent: ScriptedAgent) -> None:
    both = BothWorlds(agent)
    for _ in range(30):
        with both.tracer.start_as_current_span("root"):
            for number in range(99):
                both.tracer.start_span(str(number)).end()
    both.provider.force_flush()
    assert len(both.exporter.get_finished_spans()) == 3000 < QUEUE_SIZE
    both.provider.shutdown()


def test_our_processor_stays_the_only_one(agent: ScriptedAgent) -> None:
    """What the light tracer's short way depends on."""
    both = BothWorlds(agent)
    assert len(both.provider._active_span_processor._span_processors) == 1
    both.provider.shutdown()


def test_flushing_and_closing_reach_the_road_first() -> None:
    done: list[str] = []

    class Road:
        def flush(self, timeout_s: float) -> bool:
            done.append("flush")
            return False

        def shutdown(self, timeout_s: float) -> None:
            done.append("shutdown")

    outlets = Outlets(Road())
    assert not outlets
    assert outlets.flush(1.0) is False
    outlets.shutdown(1.0)
    assert done == ["flush", "shutdown"]


def test_the_agent_leaves_the_others_a_part_of_the_time_that_there_is() -> None:
    limits: list[float] = []

    class Road:
        def flush(self, timeout_s: float) -> bool:
            return True

        def shutdown(self, timeout_s: float) -> None:
            limits.append(timeout_s)
            time.sleep(timeout_s)

    class Last(Outlet):
        def __init__(self) -> None:
            pass

        def shutdown(self, timeout_s: float) -> None:
            limits.append(timeout_s)

    outlets = Outlets(Road())
    outlets.add(Last())
    outlets.add(Last())
    outlets.shutdown(0.6)
    road, first, second = limits
    assert road == 0.3
    assert 0 <= first <= 0.15
    assert first <= second <= 0.3


PROGRAM = """
import sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event == "socket.connect" else None)
import otel_dd_distro
from opentelemetry import trace
provider = otel_dd_distro.install()
with trace.get_tracer("app").start_as_current_span("work"): pass
provider.shutdown()
counters = otel_dd_distro.counters()
print(opened, counters.accepted, counters.sent, counters.queued, dict(counters.dropped))
"""


@pytest.mark.parametrize(("rate", "shown"), [("1", True), ("0", False)])
def test_another_exporter_alone_gets_what_is_kept_and_no_agent_is_asked(rate: str, shown: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=clean_environ(OTEL_TRACES_EXPORTER="console", DD_TRACE_SAMPLE_RATE=rate),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert ('"name": "work"' in done.stdout) == shown
    assert done.stdout.splitlines()[-1] == "[] 1 1 0 {}"


def test_what_was_extracted_decides_for_both(agent: ScriptedAgent) -> None:
    from otel_dd_distro.propagation import DatadogPropagator

    both = BothWorlds(agent)
    for priority in ("0", "1"):
        headers = {
            "x-datadog-trace-id": "1",
            "x-datadog-parent-id": "2",
            "x-datadog-sampling-priority": priority,
        }
        both.tracer.start_span(priority, DatadogPropagator().extract(headers, Context())).end()
    ours, theirs = both.arrived()
    assert (len(ours), [span.name for span in theirs.values()]) == (2, ["1"])
    both.provider.shutdown()
