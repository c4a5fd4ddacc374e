"""Programs that log by Datadog's documented formats, traced and untraced: no line is lost, each finds its trace."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agents import clean_environ

# https://docs.datadoghq.com/tracing/other_telemetry/connect_logs_and_traces/python/
FORMAT = (
    "%(levelname)s [%(name)s] [dd.service=%(dd.service)s dd.env=%(dd.env)s dd.version=%(dd.version)s "
    "dd.trace_id=%(dd.trace_id)s dd.span_id=%(dd.span_id)s] - %(message)s"
)
LOGGING = f"""
import logging, sys
from opentelemetry import trace
logging.basicConfig(format={FORMAT!r}, stream=sys.stdout)
log = logging.getLogger("shop")
log.warning("before")
with trace.get_tracer("t").start_as_current_span("s") as span:
    log.warning("inside")
    print(span.get_span_context().trace_id, span.get_span_context().span_id)
"""
STRUCTLOG = """
import structlog
from opentelemetry import trace
structlog.configure(processors=[structlog.processors.JSONRenderer()])
structlog.get_logger().warning("before")
with trace.get_tracer("t").start_as_current_span("s") as span:
    structlog.get_logger().warning("inside")
    print(span.get_span_context().trace_id, span.get_span_context().span_id)
"""
LOGURU = """
import sys
from loguru import logger
from opentelemetry import trace
logger.remove()
logger.add(sys.stdout, format="{level} [dd.service={extra[dd.service]} dd.env={extra[dd.env]} "
    "dd.version={extra[dd.version]} dd.trace_id={extra[dd.trace_id]} dd.span_id={extra[dd.span_id]}] - {message}")
logger.warning("before")
with trace.get_tracer("t").start_as_current_span("s") as span:
    logger.warning("inside")
    print(span.get_span_context().trace_id, span.get_span_context().span_id)
"""
LAUNCHERS = {
    "one start": (sys.executable, "-m", "otel_dd_distro"),
    "upstream": (str(Path(sys.executable).with_name("opentelemetry-instrument")), sys.executable),
}


def ran(tmp_path: Path, source: str, launcher: str = "one start", **variables: str) -> list[str]:
    (tmp_path / "program.py").write_text(source)
    environ = clean_environ(DD_SERVICE="shop", DD_ENV="prod", DD_VERSION="1.4", OTEL_TRACES_EXPORTER="none")
    environ.update(DD_TRACE_AGENT_URL="http://127.0.0.1:1", OTEL_TRACES_EXPORTER="datadog", **variables)
    command = [*LAUNCHERS[launcher], "program.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert "Logging error" not in done.stderr
    assert done.returncode == 0, done.stderr
    # What we say at exit of the Agent that is not there goes where the program's logs go.
    return [line for line in done.stdout.splitlines() if "[otel_dd_distro" not in line]


def ids(line: str) -> tuple[str, str]:
    """The ids of a span as its records have them."""
    trace_id, span_id = line.split()
    return f"{int(trace_id):032x}" if int(trace_id) >= 2**64 else trace_id, span_id


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_logging(tmp_path: Path, launcher: str) -> None:
    before, inside, said = ran(tmp_path, LOGGING, launcher)
    home = "dd.service=shop dd.env=prod dd.version=1.4"
    assert before == f"WARNING [shop] [{home} dd.trace_id=0 dd.span_id=0] - before"
    trace_id, span_id = ids(said)
    assert inside == f"WARNING [shop] [{home} dd.trace_id={trace_id} dd.span_id={span_id}] - inside"


def test_structlog(tmp_path: Path) -> None:
    before, inside, said = ran(tmp_path, STRUCTLOG)
    home = {"dd.service": "shop", "dd.env": "prod", "dd.version": "1.4"}
    assert json.loads(before) == {"event": "before", "dd.trace_id": "0", "dd.span_id": "0", **home}
    trace_id, span_id = ids(said)
    assert json.loads(inside) == {"event": "inside", "dd.trace_id": trace_id, "dd.span_id": span_id, **home}


def test_loguru(tmp_path: Path) -> None:
    before, inside, said = ran(tmp_path, LOGURU)
    home = "dd.service=shop dd.env=prod dd.version=1.4"
    assert before == f"WARNING [{home} dd.trace_id=0 dd.span_id=0] - before"
    trace_id, span_id = ids(said)
    assert inside == f"WARNING [{home} dd.trace_id={trace_id} dd.span_id={span_id}] - inside"


@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("variables", [{"DD_TRACE_ENABLED": "false"}, {"OTEL_SDK_DISABLED": "true"}], ids=str)
def test_where_tracing_is_off_a_format_does_not_break(tmp_path: Path, launcher: str, variables: dict[str, Any]) -> None:
    before, inside, _ = ran(tmp_path, LOGGING, launcher, **variables)
    home = "dd.service=shop dd.env=prod dd.version=1.4"
    assert before == f"WARNING [shop] [{home} dd.trace_id=0 dd.span_id=0] - before"
    assert inside == f"WARNING [shop] [{home} dd.trace_id=0 dd.span_id=0] - inside"


def test_records_are_left_alone_where_that_is_asked_for(tmp_path: Path) -> None:
    made = "logging.getLogger('a').makeRecord('a', 30, 'f', 1, 'm', (), None)"
    source = f"import logging; print(sorted(name for name in vars({made}) if '.' in name))"
    assert ran(tmp_path, source, DD_LOGS_INJECTION="false") == ["[]"]
    assert ran(tmp_path, source) == [str(["dd.env", "dd.service", "dd.span_id", "dd.trace_id", "dd.version"])]
