"""The SDK as the environment asks for it, each case in an interpreter of its own: providers are global."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agents import Session, clean_environ

PROGRAM = """
import json, logging, sys, threading
lines = []
class Keep(logging.Handler):
    def emit(self, record): lines.append(record.getMessage())
logging.getLogger().addHandler(Keep(logging.WARNING))
from opentelemetry import trace, propagate
{body}
print(json.dumps({{"said": lines, "threads": threading.active_count(), "answer": answer}}))
"""


def run(body: str, *arguments: str, **variables: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, *arguments, "-c", PROGRAM.format(body=body)],
        env=clean_environ(**variables),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    # Exporters to the console may still have something to say when the program ends.
    (line,) = (line for line in done.stdout.splitlines() if line.startswith('{"said": '))
    answer: dict[str, Any] = json.loads(line)
    return {**answer, "stderr": done.stderr, "stdout": done.stdout}


def agent(session: Session, **more: str) -> dict[str, str]:
    token = ",".join(f"{name}:{value}" for name, value in session.headers.items())
    return {"DD_TRACE_AGENT_URL": session.agent.url, "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": token, **more}


INSTALLED = """
import otel_dd_distro
otel_dd_distro.install()
with trace.get_tracer("app").start_as_current_span("work"): pass
answer = None
"""


def test_one_call_sets_everything_up(agent_session: Session) -> None:
    run(INSTALLED, **agent(agent_session, DD_SERVICE="shop", DD_ENV="test", DD_VERSION="1.2", DD_TAGS="team:core"))
    (span,) = agent_session.spans()
    assert (span["name"], span["resource"], span["service"], span["type"]) == ("internal", "work", "shop", "custom")
    assert {key: span["meta"][key] for key in ("env", "version", "team")} == {
        "env": "test",
        "version": "1.2",
        "team": "core",
    }


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_provider_of_the_users_own_gets_what_is_ours_once(agent_session: Session, order: str) -> None:
    set_up = "from opentelemetry.sdk.trace import TracerProvider; own = TracerProvider()\n"
    use = "trace.set_tracer_provider(own)\n"
    ours = "import otel_dd_distro\nfor _ in range(3): assert otel_dd_distro.install(own) is own\n"
    if order == "before":
        ours = "import otel_dd_distro\nfor _ in range(3): assert otel_dd_distro.install() is own\n"
    body = set_up + (use + ours if order == "before" else ours + use)
    body += 'own.get_tracer("app").start_span("work").end()\n'
    body += "answer = len(own._active_span_processor._span_processors)"
    result = run(body, **agent(agent_session))
    assert result["answer"] == 1
    assert result["said"] == []
    assert [span["resource"] for span in agent_session.spans()] == ["work"]


def test_two_providers_share_one_road_and_both_arrive(agent_session: Session) -> None:
    body = """
import otel_dd_distro
from opentelemetry.sdk.trace import TracerProvider
first, second = otel_dd_distro.install(), otel_dd_distro.install(TracerProvider())
first.get_tracer("app").start_span("one").end()
first.shutdown()
second.get_tracer("app").start_span("two").end()
second.shutdown()
c = otel_dd_distro.counters()
answer = [c.accepted, c.sent, c.queued, dict(c.dropped)]
"""
    assert run(body, **agent(agent_session))["answer"] == [2, 2, 0, {}]
    assert sorted(span["resource"] for span in agent_session.spans()) == ["one", "two"]


@pytest.mark.parametrize("variable", [{"DD_TRACE_ENABLED": "false"}, {"OTEL_SDK_DISABLED": "true"}])
def test_switched_off_there_is_no_thread_no_socket_and_no_line(variable: dict[str, str]) -> None:
    body = """
opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event.startswith("socket.") else None)
import otel_dd_distro
assert otel_dd_distro.install() is None
with trace.get_tracer("app").start_as_current_span("work"): pass
carrier = {}
propagate.inject(carrier)
answer = opened
"""
    result = run(body, **variable)
    assert (result["answer"], result["said"], result["threads"], result["stderr"]) == ([], [], 1, "")


def test_nothing_is_started_before_the_first_span_has_ended() -> None:
    body = """
opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event.startswith("socket.") else None)
import otel_dd_distro
otel_dd_distro.install()
span = trace.get_tracer("app").start_span("open")
answer = opened
"""
    result = run(body)
    assert (result["answer"], result["said"], result["threads"]) == ([], [], 1)


def test_what_nobody_asked_for_is_not_even_imported() -> None:
    body = """
import otel_dd_distro
otel_dd_distro.install()
unwanted = ("opentelemetry.sdk.metrics", "opentelemetry.sdk._logs", "ssl", "http.client", "ormsgpack")
answer = [name for name in unwanted if name in sys.modules]
"""
    assert run(body)["answer"] == []


def test_the_otlp_exporter_that_is_not_installed_is_one_clear_line(agent_session: Session) -> None:
    result = run(INSTALLED, **agent(agent_session, OTEL_TRACES_EXPORTER="otlp,datadog"))
    assert result["said"] == [
        "OTEL_TRACES_EXPORTER names otlp, which is not installed: it is ignored; pip install 'otel-dd-distro[otlp]'"
    ]
    assert [span["resource"] for span in agent_session.spans()] == ["work"]


def test_another_exporter_runs_beside(agent_session: Session) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from opentelemetry import trace\n" + INSTALLED],
        env=clean_environ(**agent(agent_session, OTEL_TRACES_EXPORTER="console,datadog")),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert '"name": "work"' in done.stdout
    assert done.stderr == ""
    assert [span["resource"] for span in agent_session.spans()] == ["work"]


def test_an_exporter_that_nobody_has_is_one_line_and_the_application_goes_on() -> None:
    result = run(INSTALLED, OTEL_TRACES_EXPORTER="zipkinn")
    assert result["said"] == [
        "OTEL_TRACES_EXPORTER names zipkinn, which is not installed: it is ignored; install the package that has it"
    ]


def test_the_resource_says_what_the_settings_say() -> None:
    body = """
import otel_dd_distro
answer = dict(otel_dd_distro.install().resource.attributes)
"""
    attributes = run(
        body,
        DD_SERVICE="shop",
        DD_ENV="test",
        DD_VERSION="1.2",
        DD_TAGS="team:core",
        OTEL_RESOURCE_ATTRIBUTES="service.name=hidden,k8s.pod.name=p1",
    )["answer"]
    sdk_version = attributes.pop("telemetry.sdk.version")
    assert sdk_version[0].isdecimal()
    assert attributes == {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.distro.name": "otel-dd-distro",
        "service.name": "shop",
        "service.version": "1.2",
        "deployment.environment.name": "test",
        "team": "core",
        "k8s.pod.name": "p1",
    }


def test_trace_ids_have_64_bits_where_that_is_asked_for(agent_session: Session) -> None:
    run(INSTALLED, **agent(agent_session, DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED="false"))
    (span,) = agent_session.spans()
    assert "_dd.p.tid" not in span["meta"]


SAMPLER = """
import otel_dd_distro
provider = otel_dd_distro.install()
answer = [provider.sampler.get_description(), trace.get_tracer("app").start_span("x").is_recording()]
"""


def test_a_sampler_of_opentelemetrys_own_is_a_rule_and_every_span_is_recorded() -> None:
    assert run(SAMPLER, OTEL_TRACES_SAMPLER="parentbased_always_off")["answer"] == ["AlwaysOnSampler", True]
    assert run(SAMPLER)["answer"] == ["AlwaysOnSampler", True]


def test_a_sampler_that_a_package_brings_is_used_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "never.py").write_text(
        "from opentelemetry.sdk.trace.sampling import ALWAYS_OFF\ndef make(arg): return {'off': ALWAYS_OFF}[arg]\n"
    )
    info = tmp_path / "never-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: never\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[opentelemetry_traces_sampler]\nnever = never:make\n")
    variables = {"OTEL_TRACES_SAMPLER": "never", "PYTHONPATH": str(tmp_path)}
    assert run(SAMPLER, **variables, OTEL_TRACES_SAMPLER_ARG="off")["answer"] == ["AlwaysOffSampler", False]
    assert run(SAMPLER, **variables)["answer"] == ["AlwaysOnSampler", True]
    assert run(SAMPLER, OTEL_TRACES_SAMPLER="absent")["answer"] == ["AlwaysOnSampler", True]


def test_metrics_are_set_up_where_an_exporter_is_named() -> None:
    body = """
from otel_dd_distro.configurator import DatadogConfigurator
DatadogConfigurator().configure(auto_instrumentation_version="0.1")
from opentelemetry import metrics
answer = type(metrics.get_meter_provider()).__module__
"""
    assert run(body, OTEL_METRICS_EXPORTER="console")["answer"].startswith("opentelemetry.sdk.metrics")


CONFIGURED = """
import os
from otel_dd_distro.configurator import DatadogConfigurator
DatadogConfigurator().configure()
provider = trace.get_tracer_provider()
"""


def test_metrics_are_exported_with_the_resource_of_the_spans() -> None:
    body = f"""{CONFIGURED}
from opentelemetry import metrics
metrics.get_meter("shop").create_counter("cups").add(3)
metrics.get_meter_provider().force_flush()
answer = None
"""
    said = run(body, OTEL_METRICS_EXPORTER="console", DD_SERVICE="shop")["stdout"]
    assert '"name": "cups"' in said
    assert '"service.name": "shop"' in said


@pytest.mark.parametrize(
    ("variables", "are_sent"),
    [
        ({"OTEL_LOGS_EXPORTER": "console", "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true"}, True),
        ({"OTEL_LOGS_EXPORTER": "console", "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "false"}, False),
        ({"OTEL_LOGS_EXPORTER": "console"}, False),
        ({"OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true"}, False),
    ],
)
def test_records_of_logging_are_exported_with_their_span_where_both_variables_ask_for_it(
    variables: dict[str, str], are_sent: bool
) -> None:
    body = f"""{CONFIGURED}
from opentelemetry import _logs
with trace.get_tracer("app").start_as_current_span("work") as span:
    logging.getLogger("shop").warning("sold %s", "out")
    answer = f"{{span.get_span_context().span_id:016x}}"
flush = getattr(_logs.get_logger_provider(), "force_flush", None)
if flush: flush()
"""
    found = run(body, DD_SERVICE="shop", **variables)
    exported = found["stdout"].replace(json.dumps(found["said"]), "")
    assert ('"body": "sold out"' in exported) is are_sent
    assert (f'"span_id": "0x{found["answer"]}"' in exported) is are_sent
    assert ('"service.name": "shop"' in exported) is are_sent


def test_detectors_of_resources_add_to_what_is_known_of_the_process() -> None:
    body = f"""{CONFIGURED}
known = provider.resource.attributes
answer = [known.get("process.pid") == os.getpid(), *known]
"""
    detected = run(body, OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="process", DD_SERVICE="shop")["answer"]
    assert detected[0] is True
    assert {"service.name", "telemetry.distro.name"} <= set(detected)
    assert run(body)["answer"][0] is False


DECLARED = """
file_format: "1.0"
resource:
  attributes:
    - name: service.name
      value: declared
tracer_provider:
  processors:
    - simple:
        exporter:
          console:
"""


def test_the_file_of_a_declarative_configuration_is_applied_and_the_agent_gets_the_spans(
    agent_session: Session, tmp_path: Path
) -> None:
    (tmp_path / "sdk.yaml").write_text(DECLARED)
    body = f"""{CONFIGURED}
with trace.get_tracer("app").start_as_current_span("work"): pass
answer = type(provider).__module__
"""
    done = run(body, **agent(agent_session, OTEL_CONFIG_FILE=str(tmp_path / "sdk.yaml")))
    assert done["said"] == []
    assert '"name": "work"' in done["stdout"]
    assert '"service.name": "declared"' in done["stdout"]
    (span,) = agent_session.spans()
    assert (span["resource"], span["service"]) == ("work", "declared")


@pytest.mark.parametrize(
    ("before", "content", "said"),
    [
        ("sys.modules['opentelemetry.configuration'] = None", DECLARED, "pip install opentelemetry-configuration"),
        ("", "file_format: [", "sdk.yaml could not be applied, the variables are used: "),
    ],
)
def test_a_file_that_cannot_be_applied_is_told_in_one_line_and_the_variables_are_used(
    before: str, content: str, said: str, agent_session: Session, tmp_path: Path
) -> None:
    (tmp_path / "sdk.yaml").write_text(content)
    body = f"""{before}{CONFIGURED}
with trace.get_tracer("app").start_as_current_span("work"): pass
answer = None
"""
    done = run(body, **agent(agent_session, OTEL_CONFIG_FILE=str(tmp_path / "sdk.yaml"), DD_SERVICE="shop"))
    assert len([line for line in done["said"] if said in line]) == 1
    (span,) = agent_session.spans()
    assert (span["resource"], span["service"]) == ("work", "shop")


def test_the_headers_of_a_request_carry_the_decision(agent_session: Session) -> None:
    body = """
import otel_dd_distro
otel_dd_distro.install()
with trace.get_tracer("app").start_as_current_span("work") as span:
    answer = {}
    propagate.inject(answer)
    answer["span"] = [span.get_span_context().trace_id % 2**64, span.get_span_context().span_id]
"""
    headers = run(body, **agent(agent_session))["answer"]
    trace_id, span_id = headers["span"]
    assert headers["x-datadog-trace-id"] == str(trace_id)
    assert headers["x-datadog-parent-id"] == str(span_id)
    assert headers["x-datadog-sampling-priority"] == "1"
    assert "_dd.p.dm=-0" in headers["x-datadog-tags"]
    assert headers["traceparent"].endswith("-01")
    assert f"p:{span_id:016x}" in headers["tracestate"]
    assert headers["tracestate"].endswith(";th:0")
    (span,) = agent_session.spans()
    assert span["metrics"]["_sampling_priority_v1"] == 1


@pytest.mark.parametrize(("told", "lines"), [({}, 0), ({"DD_TRACE_STARTUP_LOGS": "true"}, 1)])
def test_the_settings_in_use_are_told_once_if_asked(told: dict[str, str], lines: int) -> None:
    body = "import otel_dd_distro; otel_dd_distro.install(); otel_dd_distro.install(); answer = None"
    said = run(body, DD_TRACE_AGENT_URL="http://127.0.0.1:1", **told)["stderr"]
    assert said.count("DATADOG TRACER CONFIGURATION") == lines


def test_headers_that_become_tags_are_asked_for_by_opentelemetrys_variables() -> None:
    body = """
import os, otel_dd_distro
otel_dd_distro.install()
answer = {name[42:]: value for name, value in os.environ.items() if "CAPTURE_HEADERS" in name}
"""
    asked = run(
        body,
        DD_TRACE_HEADER_TAGS="X-Tea:tea,x.cup",
        DD_TRACE_CLIENT_IP_ENABLED="true",
        DD_TRACE_CLIENT_IP_HEADER="X-From",
        OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST="accept,x-tea",
    )["answer"]
    assert asked == {
        "SERVER_REQUEST": "x-tea,x\\.cup,x-from",
        "SERVER_RESPONSE": "x-tea,x\\.cup",
        "CLIENT_REQUEST": "accept,x-tea,x\\.cup",
        "CLIENT_RESPONSE": "x-tea,x\\.cup",
    }
    assert run(body)["answer"] == {}


def test_a_child_is_forked_whenever_the_application_comes_to_use_thread_pools() -> None:
    body = """
import os, otel_dd_distro
otel_dd_distro.install()
import concurrent.futures.thread
child = os.fork()
if child == 0: os._exit(7)
answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
    assert run(body, DD_TRACE_AGENT_URL="http://127.0.0.1:1")["answer"] == 7
