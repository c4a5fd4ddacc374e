from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from otel_dd_distro.export import Agent, DatadogSpanExporter, Writer
from otel_dd_distro.export.exporter import chunks, writer_from
from otel_dd_distro.settings import read
from tests.agents import RunningAgent, ScriptedAgent, Session
from tests.otel_dd_distro.export.made import encode, ids, run, span


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, test_agent: RunningAgent, agent_session: Session) -> None:
    monkeypatch.setenv("DD_TRACE_AGENT_URL", test_agent.url)
    monkeypatch.setenv("_DD_TRACE_WRITER_ADDITIONAL_HEADERS", f"X-Datadog-Test-Session-Token:{agent_session.token}")
    monkeypatch.setenv("DD_SERVICE", "shop")
    monkeypatch.setenv("DD_ENV", "test")


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    provider = TracerProvider(shutdown_on_exit=False)
    yield provider
    provider.shutdown()


@pytest.mark.parametrize("processor", [BatchSpanProcessor, SimpleSpanProcessor])
@pytest.mark.usefixtures("environment")
def test_it_serves_someone_elses_span_processor(
    agent_session: Session, provider: TracerProvider, processor: Any
) -> None:
    exporter = DatadogSpanExporter()
    provider.add_span_processor(processor(exporter))
    tracer = provider.get_tracer("mine")
    with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER), tracer.start_as_current_span("work"):
        pass
    with tracer.start_as_current_span("another"):
        pass
    assert provider.force_flush()
    # A processor's force_flush has delivered, not only queued.
    spans = agent_session.spans()
    assert len(spans) == 3
    assert {span["service"] for span in spans} == {"shop"}
    assert len({span["trace_id"] for span in spans}) == 2
    assert exporter.writer.counters().sent == 3
    roots = [span for span in spans if not span.get("parent_id")]
    assert [span["metrics"]["_sampling_priority_v1"] for span in roots] == [1, 1]


def test_the_entry_point_leads_to_it() -> None:
    from importlib.metadata import entry_points

    (entry,) = [entry for entry in entry_points(group="opentelemetry_traces_exporter") if entry.name == "datadog"]
    assert entry.load() is DatadogSpanExporter


def test_constructing_it_reads_and_starts_nothing() -> None:
    done = run(
        """
        import os, threading
        os.environ["DD_TRACE_AGENT_URL"] = "not an address"
        from otel_dd_distro.export import DatadogSpanExporter
        exporter = DatadogSpanExporter()
        assert exporter.force_flush()
        exporter.shutdown()
        assert threading.active_count() == 1
        """
    )
    assert done.stderr == "", "nobody has complained of the address"


def test_a_batch_becomes_one_chunk_for_each_trace() -> None:
    first, second, third = span(trace_id=7), span(trace_id=8, sampled=False), span(trace_id=7)
    made = chunks([first, second, third])
    assert [ids(chunk) for chunk in made] == [ids(made[0]), ids(made[1])]
    assert [chunk.spans for chunk in made] == [[first, third], [second]]
    assert [chunk.context.priority for chunk in made] == [1, 0]
    assert [chunk.partial for chunk in made] == [False, False]


def test_a_batch_without_the_local_root_is_partial() -> None:
    from opentelemetry.sdk.trace import ReadableSpan

    def child(remote: bool) -> ReadableSpan:
        context = SpanContext(7, 2, is_remote=False, trace_flags=TraceFlags(1))
        parent = SpanContext(7, 1, is_remote=remote, trace_flags=TraceFlags(1))
        return ReadableSpan("child", context=context, parent=parent, resource=span().resource)

    assert chunks([child(remote=False)])[0].partial
    assert not chunks([child(remote=True)])[0].partial
    assert not chunks([child(remote=False), span(trace_id=7)])[0].partial


def test_a_span_that_was_never_sampled_is_not_the_exporters_business(provider: TracerProvider) -> None:
    with ScriptedAgent() as there:
        exporter = DatadogSpanExporter(Writer(encode, Agent(there.url)))
        provider.add_span_processor(BatchSpanProcessor(exporter))
        parent = SpanContext(7, 1, is_remote=True, trace_flags=TraceFlags(0))
        with provider.get_tracer("mine").start_as_current_span(
            "work", context=set_span_in_context(NonRecordingSpan(parent))
        ):
            pass
        assert provider.force_flush()
        assert there.connections == 0


def test_a_silent_agent_is_waited_for_once_not_with_every_batch() -> None:
    with ScriptedAgent(silent=True) as there:
        exporter = DatadogSpanExporter(Writer(encode, Agent(there.url, timeout_s=60), shutdown_limit_s=0.2))
        began = time.monotonic()
        for _ in range(100):
            assert exporter.export([span()]) is SpanExportResult.SUCCESS
        exporter.shutdown()
        assert time.monotonic() - began < 30
        assert exporter.export([span()]) is SpanExportResult.FAILURE
        counters = exporter.writer.counters()
        assert counters.accepted == sum(counters.dropped.values()) == 100


def test_a_writer_takes_its_limits_from_the_settings() -> None:
    settings = read(
        {
            "DD_TRACE_AGENT_URL": "http://agent:1234/apm",
            "DD_TRACE_AGENT_TIMEOUT_SECONDS": "3.5",
            "DD_TRACE_WRITER_BUFFER_SIZE_BYTES": "1000",
            "DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES": "500",
            "DD_TRACE_WRITER_INTERVAL_SECONDS": "0.5",
            "DD_EXTERNAL_ENV": "it-false",
        }
    )
    writer = writer_from(settings, encode)
    assert writer._agent.url == "http://agent:1234/apm"
    assert writer._agent.timeout_s == 3.5
    assert writer._agent._external_env == "it-false"
    assert (writer._queue_limit, writer._agent_state._payload_limit, writer._interval_s) == (1000, 500, 0.5)
    assert writer._shutdown_limit_s == settings.shutdown_timeout_seconds
