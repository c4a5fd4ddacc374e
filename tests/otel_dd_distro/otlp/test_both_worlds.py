"""`OTEL_TRACES_EXPORTER=datadog,otlp` with OpenTelemetry's own OTLP exporter, in an environment that has it."""

from __future__ import annotations

import base64
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from tests.agents import Session, clean_environ

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sqlite3
connection = sqlite3.connect(":memory:")
connection.execute("select 'hunter2', 7")
connection.close()
"""


@pytest.fixture(scope="module")
def instrument(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`opentelemetry-instrument` of an environment with our package and the exporter."""
    folder = tmp_path_factory.mktemp("both")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python), "install", "-q"]
    done = subprocess.run(
        [*command, str(ROOT), "opentelemetry-exporter-otlp-proto-http"],
        capture_output=True,
        text=True,
        env=clean_environ(),
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return python.with_name("opentelemetry-instrument")


def run(instrument: Path, session: Session, **variables: str) -> tuple[dict[int, Any], dict[int, dict[str, Any]]]:
    """By span id: what came by the Agent's own intake, what came by OTLP."""
    token = session.headers
    done = subprocess.run(
        [str(instrument), str(instrument.with_name("python")), "-c", PROGRAM],
        env=clean_environ(
            DD_SERVICE="shop",
            DD_TRACE_AGENT_URL=session.agent.url,
            OTEL_EXPORTER_OTLP_ENDPOINT=session.agent.otlp_url,
            OTEL_EXPORTER_OTLP_HEADERS=",".join(f"{name}={value}" for name, value in token.items()),
            _DD_TRACE_WRITER_ADDITIONAL_HEADERS=",".join(f"{name}:{value}" for name, value in token.items()),
            **variables,
        ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    theirs = {}
    for payload in session.otlp_traces():
        for resource in payload["resource_spans"]:
            for span in (span for scope in resource["scope_spans"] for span in scope["spans"]):
                told = {entry["key"]: next(iter(entry["value"].values())) for entry in span["attributes"]}
                theirs[int.from_bytes(base64.b64decode(span["span_id"]), "big")] = {"name": span["name"], **told}
    return {span["span_id"]: span for span in session.spans()}, theirs


@pytest.mark.parametrize("named", [False, True])
def test_one_span_arrives_twice_under_one_id(instrument: Path, agent_session: Session, named: bool) -> None:
    switch = {"OTEL_DD_OTLP_DATADOG_NAMES": "true"} if named else {}
    ours, theirs = run(instrument, agent_session, OTEL_TRACES_EXPORTER="datadog,otlp", **switch)
    assert list(ours) == list(theirs)
    ((our, their),) = ((ours[span_id], theirs[span_id]) for span_id in ours)
    assert (our["name"], our["service"], our["resource"]) == ("sqlite.query", "sqlite", "select 'hunter2', 7")
    assert (their["name"], their["db.query.text"]) == ("SELECT", "select ?, ?")
    names = {"operation.name": "sqlite.query", "resource.name": "select ?, ?", "service.name": "sqlite"}
    names["span.type"] = "sql"
    assert {key: their.get(key) for key in names} == (names if named else dict.fromkeys(names))


def test_a_dropped_trace_goes_to_the_agent_alone(instrument: Path, agent_session: Session) -> None:
    ours, theirs = run(instrument, agent_session, OTEL_TRACES_EXPORTER="datadog,otlp", DD_TRACE_SAMPLE_RATE="0")
    assert (len(ours), len(theirs)) == (1, 0)


def test_otlp_alone_leaves_the_agents_intake_alone(instrument: Path, agent_session: Session) -> None:
    ours, theirs = run(instrument, agent_session, OTEL_TRACES_EXPORTER="otlp")
    assert (len(ours), len(theirs)) == (0, 1)
