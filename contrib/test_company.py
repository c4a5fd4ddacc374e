"""All of contrib beside ours, and `opentelemetry-distro`: who is in force, and how many spans each call has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import opentelemetry.instrumentation
import pytest

from contrib.counterparts import COUNTERPARTS, Counterpart
from contrib.exam_in_company import WAYS, exam_of
from otel_dd_distro.settings.record import OFF_BY_DEFAULT
from tests.servers import running, session

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
ROOT = Path(__file__).parents[1]
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


LOGGING = """
import logging
import structlog
from opentelemetry import trace
seen = []
structlog.configure(processors=[lambda _logger, _name, event: seen.append(dict(event)) or event["event"]])
with trace.get_tracer("shop").start_as_current_span("order"):
    logging.getLogger("shop").warning("of logging")
    structlog.get_logger().warning("of structlog")
trace.get_tracer_provider().force_flush()
from opentelemetry._logs import get_logger_provider
get_logger_provider().force_flush()
print("ids:", [any("trace_id" in key for key in event) for event in seen])
"""


def test_log_records_are_sent_once_and_have_the_ids_of_their_trace(tmp_path: Path) -> None:
    """Ours puts ids on records, OpenTelemetry's own sends them: whoever has both loses neither."""
    (tmp_path / "logs.py").write_text(LOGGING)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "DD_"))}
    done = subprocess.run(
        [INSTRUMENT, sys.executable, str(tmp_path / "logs.py")],
        env={**environ, "OTEL_LOGS_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    bodies = re.findall(r'"body": "(of \w+)"', done.stdout)
    assert sorted(bodies) == ["of logging", "of structlog"], done.stdout + done.stderr
    assert "ids: [True]" in done.stdout


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
    assert "OpenTelemetryDistro was loaded before this distro" in said


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
    named = {line.partition("==")[0] for line in asked.stdout.split()}
    # All of them are here already, beside ours.
    packages = {f"opentelemetry-instrumentation-{package.replace('_', '-')}" for package in PAIRS}
    assert {"opentelemetry-instrumentation-flask", "opentelemetry-instrumentation-redis"} <= named & packages


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with session(), ExitStack() as stack:
        yield Servers(stack)


class Servers:
    """The servers that exams need, each started once."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._known: dict[str, Mapping[str, str]] = {}

    def variables(self, names: tuple[str, ...]) -> dict[str, str]:
        for name in names:
            if name not in self._known:
                self._known[name] = self._stack.enter_context(running(name))
        return {variable: url for name in names for variable, url in self._known[name].items()}


def _pairs() -> dict[str, str]:
    """Package of theirs -> plugin of ours, of all that are installed."""
    found = {module.name for module in iter_modules(opentelemetry.instrumentation.__path__) if module.ispkg}
    plugins = {package: COUNTERPARTS.get(package, Counterpart(package)).plugin for package in found}
    return {
        package: plugin
        for package, plugin in sorted(plugins.items())
        if find_spec(f"otel_instrumentors.{plugin}") is not None and package not in WITHOUT_EXAM
    }


WITHOUT_EXAM = {"asgi", "wsgi"}
"""Packages of middleware, which is put around an application and not instrumented."""

PAIRS = _pairs()


def exams(package: str, variables: Mapping[str, str]) -> dict[str, Counter[tuple[str, str]]]:
    """How many spans one use of the exam of the plugin leaves in each way, by whose they are and their kind."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "DD_"))}
    done = subprocess.run(
        [sys.executable, "-m", "contrib.exam_in_company", PAIRS[package], package],
        env={**environ, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    counted = {way: Counter({(whose, kind): count for whose, kind, count in table}) for way, table in lines}
    assert set(counted) == set(WAYS), done.stderr
    return counted


def kinds(counted: Counter[tuple[str, str]], whose: str) -> Counter[str]:
    return Counter({kind: count for (who, kind), count in counted.items() if who == whose})


@pytest.mark.parametrize("package", PAIRS)
def test_each_call_of_an_exam_has_one_span_whoever_was_started_first(package: str, servers: Servers) -> None:
    variables = servers.variables(getattr(exam_of(PAIRS[package]), "servers", ()))
    counted = exams(package, variables)
    # By entry point all of contrib is found, and what ours watches is ours alone: also what is off where theirs is not.
    is_off = PAIRS[package] in OFF_BY_DEFAULT
    assert counted["entry points"] == counted["ours" if is_off else "all of ours"]
    assert counted["entry points"] or not counted["theirs"]
    ours, theirs = (kinds(counted[whose], whose) for whose in ("ours", "theirs"))
    for way in ("theirs first", "theirs after"):
        by_us, by_them = (kinds(counted[way], whose) for whose in ("ours", "theirs"))
        # Theirs makes all spans that it makes alone; what comes later finds what was wrapped, and may leave that.
        assert by_them in (theirs, Counter()), (way, counted)
        assert by_them or by_us in (ours, Counter()), (way, counted)
        assert by_them or by_us or not theirs, (way, counted)
        # And no call has another one of ours beside.
        for kind in by_us | by_them:
            assert by_us[kind] + by_them[kind] <= max(ours[kind], theirs[kind]), (way, kind, counted)
