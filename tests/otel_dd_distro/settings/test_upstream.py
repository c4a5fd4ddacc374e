"""What OpenTelemetry reads itself never ends tracing: each variable that it could not use is taken out, and said."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import opentelemetry.environment_variables
import opentelemetry.sdk.environment_variables
import pytest

from otel_dd_distro.settings import UPSTREAM, VARIABLES, upstream
from tests.agents import Session, clean_environ

NAMES = [name for row in UPSTREAM for name in row.names]
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
LEFT_ALONE = {
    "OTEL_CONFIG_FILE": "what cannot be applied is one line",
    "OTEL_PYTHON_ID_GENERATOR": "read by the SDK's configurator",
    "OTEL_PYTHON_LOGGER_CONFIGURATOR": "read by the SDK's configurator",
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "read by the SDK's configurator",
    "OTEL_PYTHON_METER_CONFIGURATOR": "read by the SDK's configurator",
    "OTEL_PYTHON_TRACER_CONFIGURATOR": "read by the SDK's configurator",
    "OTEL_EXPORTER_OTLP_HEADERS": "what is no header is left out, and said, by the exporter",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "likewise",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "likewise",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "likewise",
    "OTEL_EXPORTER_PROMETHEUS_HOST": "of an exporter that is seldom there, whose failure is one line",
    "OTEL_EXPORTER_PROMETHEUS_PORT": "likewise",
    "OTEL_EXPORTER_ZIPKIN_ENDPOINT": "likewise",
    "OTEL_EXPORTER_ZIPKIN_TIMEOUT": "likewise",
    "OTEL_LOGS_EXPORTER": "what is not installed is one line, and the default is none",
    "OTEL_METRICS_EXPORTER": "likewise",
}


def mended(caplog: pytest.LogCaptureFixture, **environ: str) -> tuple[dict[str, str], list[str]]:
    """What is left of an environment, and what is said."""
    upstream.mend(environ)
    upstream.say_mended()
    return environ, [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_every_variable_of_the_sdk_is_looked_at_or_left_alone_for_a_reason() -> None:
    theirs = {
        value
        for module in (opentelemetry.environment_variables, opentelemetry.sdk.environment_variables)
        for name, value in vars(module).items()
        if name.startswith("OTEL_")
    }
    ours = {name for variable in VARIABLES for name in variable.names}
    assert theirs - ours - set(NAMES) - set(LEFT_ALONE) == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_value_that_cannot_be_used_is_taken_out_and_costs_one_line(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    environ, lines = mended(caplog, **{name: "http://[no\nsense"})
    assert environ == {}
    (line,) = lines
    assert line.startswith(f"{name}='http://[no\\nsense': ")
    assert line.endswith(" is used instead")
    assert mended(caplog) == ({}, lines), "said once"


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "0", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": ""},
        {"OTEL_PYTHON_CONTEXT": "contextvars_context", "OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider"},
        {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "os, process"},
        {"OTEL_BSP_MAX_QUEUE_SIZE": "600", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "600"},
        {"OTEL_METRIC_EXPORT_INTERVAL": "1e3", "OTEL_METRICS_EXEMPLAR_FILTER": "always_on"},
        {PROTOCOL: "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://me:pw@collector/otlp?a=b", "OTEL_EXPORTER_OTLP_TIMEOUT": "2.5"},
        {"OTEL_EXPORTER_OTLP_COMPRESSION": "deflate", "OTEL_EXPORTER_OTLP_CERTIFICATE": __file__},
        {"OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES": "unavailable, ABORTED"},
    ],
)
def test_what_can_be_used_stays(environ: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    assert mended(caplog, **environ) == (environ, [])


@pytest.mark.parametrize(
    ("environ", "left", "said"),
    [
        ({"OTEL_BSP_SCHEDULE_DELAY": " ", "OTEL_PYTHON_TRACER_PROVIDER": ""}, {}, ""),
        ({"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "os,x"}, {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "os"}, "'os,x'"),
        (
            {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "9000"},
            {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8192"},
            "more than the queue may hold",
        ),
        (
            {"OTEL_BLRP_MAX_QUEUE_SIZE": "100"},
            {"OTEL_BLRP_MAX_QUEUE_SIZE": "100", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "100"},
            "",
        ),
        ({PROTOCOL: "grpc", "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}, {PROTOCOL: "grpc"}, ""),
        ({PROTOCOL: "grpc", "OTEL_EXPORTER_OTLP_COMPRESSION": "deflate"}, {PROTOCOL: "grpc"}, "gRPC"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4318"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318"),
    ],
)
def test_what_can_be_saved_of_a_value_is_put_in(
    environ: dict[str, str], left: dict[str, str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    found, lines = mended(caplog, **environ)
    assert found == left
    assert [said in line for line in lines] == ([True] if said else [])


def ran(folder: Path, program: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(program)
    command = [sys.executable, *options, "program.py"]
    environ = clean_environ(**variables)
    return subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=60, check=True)


LAUNCHED = ("-m", "otel_dd_distro")
INJECTING = """
from opentelemetry import propagate, trace
with trace.get_tracer("shop").start_as_current_span("work"):
    headers = {}
    propagate.inject(headers)
print(*sorted(headers))
"""


@pytest.mark.parametrize(
    ("names", "headers", "lines"),
    [
        ("xray,tracecontext", "traceparent tracestate", 1),
        ("TraceContext", "traceparent tracestate", 0),
        ("b3,ottrace", "b3", 1),
        ("datadog", "x-datadog-parent-id x-datadog-sampling-priority x-datadog-tags x-datadog-trace-id", 0),
        ("none", "", 0),
    ],
)
def test_propagators_that_are_unknown_or_not_installed_do_not_stop_the_others(
    names: str, headers: str, lines: int, tmp_path: Path, agent_session: Session
) -> None:
    done = ran(tmp_path, INJECTING, *LAUNCHED, OTEL_PROPAGATORS=names, DD_TRACE_AGENT_URL=agent_session.agent.url)
    assert done.stdout.strip() == headers
    assert len(done.stderr.splitlines()) == lines


def test_where_tracing_is_off_the_api_has_the_propagators_that_it_can_load(tmp_path: Path) -> None:
    program = """
import otel_dd_distro
otel_dd_distro.install()
from opentelemetry.propagate import get_global_textmap
print(*(type(one).__name__ for one in get_global_textmap()._propagators))
"""
    done = ran(tmp_path, program, OTEL_PROPAGATORS="xray,baggage", DD_TRACE_ENABLED="false")
    assert (done.stdout, done.stderr) == ("W3CBaggagePropagator\n", "")


PROGRAM = """
from opentelemetry import metrics, propagate, trace
with trace.get_tracer("shop").start_as_current_span("work") as span:
    span.set_attribute("a", 1)
    headers = {}
    propagate.inject(headers)
metrics.get_meter("shop").create_counter("a").add(1)
print(sorted(headers))
"""


def test_with_all_of_them_wrong_a_program_is_traced_and_each_costs_one_line(
    agent_session: Session, tmp_path: Path
) -> None:
    names = [*NAMES, "OTEL_PROPAGATORS", "OTEL_LOG_LEVEL", PROTOCOL, "OTEL_TRACES_SAMPLER"]
    headers = ",".join(f"{key}:{value}" for key, value in agent_session.headers.items())
    sending = {"DD_TRACE_AGENT_URL": agent_session.agent.url, "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": headers}
    done = ran(tmp_path, PROGRAM, *LAUNCHED, **dict.fromkeys(names, "no sense"), **sending)
    assert "traceparent" in done.stdout
    assert [span["resource"] for span in agent_session.spans()] == ["work"]
    assert sorted(line.partition("=")[0].split()[0] for line in done.stderr.splitlines()) == sorted(names)
