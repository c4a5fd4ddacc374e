"""All of contrib beside ours, and `opentelemetry-distro`: who is in force, and how many spans a request has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import json, os, sqlite3, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
import flask, requests
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))

class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_args): pass

server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
app = flask.Flask("shop")

@app.get("/tea")
def tea():
    connection = sqlite3.connect(":memory:")
    connection.execute("SELECT 1").fetchall()
    connection.close()
    requests.get(f"http://127.0.0.1:{server.server_port}/")
    return flask.render_template_string("tea")

with app.test_client() as client:
    client.get("/tea").get_data()
spans = exporter.get_finished_spans()
print("spans: " + json.dumps([[span.instrumentation_scope.name.split(".")[0], span.kind.name] for span in spans]))
"""
MARK = "spans: "
WANTED = sorted([["otel_instrumentors", kind] for kind in ("SERVER", "CLIENT", "CLIENT", "INTERNAL", "INTERNAL")])
INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))


def run(tmp_path: Path, *command: str, **variables: str) -> tuple[list[Any], str]:
    (tmp_path / "program.py").write_text(PROGRAM)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "DD_"))}
    environ |= {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none", **variables}
    done = subprocess.run(
        [*command, str(tmp_path / "program.py")], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(MARK))
    return sorted(json.loads(line.removeprefix(MARK))), done.stderr


@pytest.mark.parametrize("command", [(INSTRUMENT, sys.executable), (sys.executable, "-m", "otel_dd_distro")])
def test_each_call_has_one_span_and_it_is_ours(command: tuple[str, ...], tmp_path: Path) -> None:
    spans, _ = run(tmp_path, *command)
    assert spans == WANTED


def test_another_distro_that_is_found_first_is_put_aside(tmp_path: Path) -> None:
    """As without the command, by `sitecustomize`, and with OpenTelemetry's distro before ours in the path."""
    import opentelemetry.instrumentation.auto_instrumentation as loader

    first = tmp_path / "first"
    first.mkdir()
    packages = Path(loader.__file__).parents[3]
    (found,) = packages.glob("opentelemetry_distro-*.dist-info")
    shutil.copytree(found, first / found.name)
    path = os.pathsep.join([str(Path(loader.__file__).parent), str(first)])
    spans, said = run(tmp_path, sys.executable, PYTHONPATH=path, OTEL_TRACES_EXPORTER="console")
    assert spans == WANTED
    assert "OpenTelemetryDistro was found before this distro" in said


def test_another_distro_that_the_user_names_is_in_force_and_that_is_said(tmp_path: Path) -> None:
    choice = {
        "OTEL_PYTHON_DISTRO": "distro",
        "OTEL_PYTHON_CONFIGURATOR": "configurator",
        "OTEL_TRACES_EXPORTER": "console",
    }
    spans, said = run(tmp_path, INSTRUMENT, sys.executable, **choice)
    assert [kind for _, kind in spans].count("SERVER") == 1
    assert "OTEL_PYTHON_DISTRO names distro: nothing is sent to the Datadog Agent" in said


def test_what_bootstrap_would_add_is_left_out_here() -> None:
    bootstrap = Path(sys.executable).with_name("opentelemetry-bootstrap")
    asked = subprocess.run([bootstrap, "-a", "requirements"], capture_output=True, text=True, check=True)
    assert asked.stdout.split()
