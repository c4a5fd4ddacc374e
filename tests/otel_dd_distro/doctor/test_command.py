"""Ten broken set-ups: the doctor names the cause of each in its first ten lines, and what to do about it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_dd_distro.doctor import agent as agent_checks
from otel_dd_distro.doctor.report import as_text
from otel_dd_distro.settings import read
from tests.agents import ScriptedAgent, clean_environ

WIDTH = 80


def asked(*options: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "otel_dd_distro", "doctor", *options]
    environ = clean_environ(**variables)
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=120)


def first_lines(done: subprocess.CompletedProcess[str]) -> str:
    """What somebody reads first, as one text."""
    assert done.stderr == ""
    assert all(len(line) <= WIDTH for line in done.stdout.splitlines())
    return " ".join(" ".join(done.stdout.splitlines()[:10]).split())


@pytest.fixture
def agent() -> Iterator[str]:
    with ScriptedAgent() as running:
        yield running.url


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_where_all_is_well_it_says_so(agent: str) -> None:
    done = asked(DD_TRACE_AGENT_URL=agent)
    assert done.returncode == 0
    assert first_lines(done).startswith("No problem found")
    assert "a span otel_dd.doctor was sent and taken" in done.stdout


def test_1_an_agent_that_is_absent(free_port: int) -> None:
    done = asked(DD_TRACE_AGENT_URL=f"http://127.0.0.1:{free_port}")
    assert done.returncode == 1
    assert f"nobody listens at http://127.0.0.1:{free_port}" in first_lines(done)


def test_2_a_port_that_is_somebody_elses(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        done = asked(
            DD_AGENT_HOST="127.0.0.1",
            DD_TRACE_AGENT_PORT=str(listener.getsockname()[1]),
            DD_TRACE_AGENT_TIMEOUT_SECONDS="1",
        )
    assert done.returncode == 1
    assert "does not answer in time" in first_lines(done)
    assert "DD_AGENT_HOST=127.0.0.1" in done.stdout


def test_3_a_socket_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "apm.socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        agent_checks.look(read({"DD_TRACE_AGENT_URL": "http://127.0.0.1:1"}), {})  # imports what it needs
        path.chmod(0o600 if os.geteuid() == 0 else 0o400)
        for folder in (tmp_path, *tmp_path.parents[:-2]):
            folder.chmod(0o755)
        with another_user():
            sections = [agent_checks.look(read({"DD_TRACE_AGENT_URL": f"unix://{path}"}), {})]
    first = " ".join(" ".join(as_text(sections).splitlines()[:10]).split())
    assert "Agent not reached: no permission to write to" in first


@contextlib.contextmanager
def another_user() -> Iterator[None]:
    """Root may write everywhere: for a while this process is nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("plugin", "variable", "value"),
    [
        ("flask", "DD_TRACE_FLASK_ENABLED", "false"),
        ("flask", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "flask"),
        ("mysql_connector", "DD_TRACE_MYSQL_ENABLED", "false"),
        ("aiohttp", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "aiohttp-client,aiohttp-server"),
    ],
)
def test_4_a_plugin_that_is_disabled(agent: str, plugin: str, variable: str, value: str) -> None:
    done = asked(DD_TRACE_AGENT_URL=agent, **{variable: value})
    assert done.returncode == 1
    assert f"{plugin}: disabled by {variable}={value}" in first_lines(done)


def test_5_a_library_out_of_range(agent: str, tmp_path: Path) -> None:
    old = tmp_path / "flask-0.1.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: flask\nVersion: 0.1\n")
    done = asked(DD_TRACE_AGENT_URL=agent, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "flask: not instrumented: flask 0.1 is installed, flask>=0.10 is supported" in first_lines(done)


def test_one_that_is_off_by_default_is_on_beside_opentelemetrys_own(agent: str, tmp_path: Path) -> None:
    (theirs := tmp_path / "opentelemetry_instrumentation_urllib3-1.dist-info").mkdir()
    (theirs / "METADATA").write_text("Metadata-Version: 2.1\nName: opentelemetry-instrumentation-urllib3\nVersion: 1\n")
    (theirs / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nurllib3 = theirs:Instrumentor\n")
    alone, beside = (
        " ".join(asked(DD_TRACE_AGENT_URL=agent, **variables).stdout.split())
        for variables in ({}, {"PYTHONPATH": str(tmp_path)})
    )
    assert "off unless DD_TRACE_URLLIB3_ENABLED=true" in alone
    assert "off unless DD_TRACE_URLLIB3_ENABLED=true" not in beside
    assert "instrumentation-urllib3 beside it" in beside


def test_6_a_library_that_was_imported_and_used_too_early(agent: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sqlite3; kept = sqlite3.connect(':memory:')")
    (tmp_path / "app.py").write_text("import sqlite3")
    done = asked("--", "app.py", cwd=tmp_path, DD_TRACE_AGENT_URL=agent, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "Statements of sqlite3.Connection are not traced for the 1 made before it was instrumented" in first_lines(
        done
    )


def test_7_another_distro_that_was_named(agent: str) -> None:
    done = asked(DD_TRACE_AGENT_URL=agent, OTEL_PYTHON_DISTRO="distro")
    assert done.returncode == 1
    assert "another distro: OTEL_PYTHON_DISTRO=distro selects it in place of ours" in first_lines(done)


def test_8_a_variable_that_is_misspelt(agent: str) -> None:
    done = asked(DD_TRACE_AGENT_URL=agent, DD_TRACE_SAMPLE_RATES="0.5")
    assert done.returncode == 1
    assert "DD_TRACE_SAMPLE_RATES: nobody reads it: did you mean DD_TRACE_SAMPLE_RATE?" in first_lines(done)


@pytest.mark.parametrize(
    "variables",
    [
        {"DD_TRACE_SAMPLE_RATE": "0"},
        {"DD_TRACE_SAMPLING_RULES": '[{"sample_rate": 0}]'},
        {"OTEL_TRACES_SAMPLER": "parentbased_always_off"},
    ],
    ids=str,
)
def test_9_sampling_that_drops_everything(agent: str, variables: dict[str, Any]) -> None:
    done = asked(DD_TRACE_AGENT_URL=agent, **variables)
    assert done.returncode == 1
    assert "every trace is dropped: sampling keeps none" in first_lines(done)


def test_10_an_exporter_that_is_none(agent: str) -> None:
    done = asked(DD_TRACE_AGENT_URL=agent, OTEL_TRACES_EXPORTER="none")
    assert done.returncode == 1
    assert "tracing is off: OTEL_TRACES_EXPORTER=none" in first_lines(done)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"OTEL_TRACES_EXPORTER": "datdog"},
            "no exporter datdog: OTEL_TRACES_EXPORTER names datdog, which no installed",
        ),
        ({"OTEL_TRACES_SAMPLER": "jaeger"}, "no sampler jaeger: OTEL_TRACES_SAMPLER names jaeger, which no installed"),
        (
            {"DD_TRACE_AGENT_URL": "htp://localhost:1"},
            "found x DD_TRACE_AGENT_URL: 'htp://localhost:1': neither http, https nor unix",
        ),
        (
            {"DD_TRACE_AGENT_URL": "http://agent.invalid:8126"},
            "no host is known by the name in http://agent.invalid:8126",
        ),
        (
            {"OTEL_PROPAGATORS": "datadgo"},
            "OTEL_PROPAGATORS: 'datadgo': unknown: 'datadgo'; datadog, tracecontext, baggage",
        ),
    ],
    ids=str,
)
def test_what_else_is_misspelt_is_told_before_what_comes_of_it(
    agent: str, variables: dict[str, str], said: str
) -> None:
    done = asked(**{"DD_TRACE_AGENT_URL": agent, **variables})
    assert done.returncode == 1
    assert said in first_lines(done)


def test_the_agent_is_not_asked_where_tracing_is_off(free_port: int) -> None:
    done = asked(OTEL_SDK_DISABLED="true", DD_TRACE_AGENT_URL=f"http://127.0.0.1:{free_port}")
    assert done.returncode == 1
    assert "1 problem found x tracing is off: OTEL_SDK_DISABLED=true" in first_lines(done)
    assert "not asked: tracing is off" in done.stdout


def test_it_says_in_which_environment_it_was_asked(agent: str) -> None:
    told = "".join(asked(DD_TRACE_AGENT_URL=agent).stdout.split())
    assert sys.executable in told


def test_a_value_that_cannot_be_used_is_told_with_what_is_used_instead(agent: str) -> None:
    done = asked(DD_TRACE_AGENT_URL=agent, DD_TRACE_SAMPLE_RATE="often")
    assert done.returncode == 1
    assert "DD_TRACE_SAMPLE_RATE: 'often'" in first_lines(done)


def test_what_ddtrace_has_and_we_have_not_is_said_and_is_no_problem(agent: str) -> None:
    done = asked(DD_TRACE_AGENT_URL=agent, DD_PROFILING_ENABLED="true", DD_PATCH_MODULES="flask:false")
    assert done.returncode == 0
    told = " ".join(done.stdout.split())
    assert "DD_PROFILING_ENABLED the profiler is not here" in told
    assert "DD_PATCH_MODULES DD_TRACE_<NAME>_ENABLED stands for it" in told


PROGRAM = """
import sys, time
from flask import Flask
app = Flask("shop")
app.add_url_rule("/", view_func=lambda: "tea")
app.test_client().get("/").close()
print("loaded", *sys.argv[1:], flush=True)
if sys.argv[1:] == ["--serve"]:
    time.sleep(600)
"""


@pytest.mark.parametrize("arguments", [[], ["--serve"]], ids=["to its end", "while it serves"])
def test_a_program_is_asked_when_it_has_loaded(agent: str, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    done = asked("--json", "--seconds", "20", "--", "app.py", *arguments, cwd=tmp_path, DD_TRACE_AGENT_URL=agent)
    first, _, report = done.stdout.partition("\n")
    assert first == " ".join(["loaded", *arguments])
    found = json.loads(report)
    assert found["ok"] is True
    told = {finding["subject"]: finding["said"] for section in found["sections"] for finding in section["findings"]}
    assert "instrumented: 3 hooks" in told["flask"]
    assert "not imported by the program" in told["django"]
    assert told["spans"].startswith("1 made and ended")


def test_a_program_that_ends_before_it_can_be_asked_is_a_problem(agent: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os; os._exit(3)")
    done = asked("--", "app.py", cwd=tmp_path, DD_TRACE_AGENT_URL=agent)
    assert done.returncode == 1
    assert "program: it ended with status 3 before it could be asked" in first_lines(done)


def test_a_program_that_fails_is_told_first(agent: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import nosuchlibrary")
    done = asked("--", "app.py", cwd=tmp_path, DD_TRACE_AGENT_URL=agent)
    assert done.returncode == 1
    assert "No module named 'nosuchlibrary'" in done.stderr
    assert "program: it ended with status 1 -> see what it printed above" in " ".join(done.stdout.split())


FORKING = """
import os, time
if os.fork() == 0:
    from flask import Flask
    app = Flask("shop")
    app.add_url_rule("/", view_func=lambda: "tea")
    app.test_client().get("/").close()
time.sleep(60)
"""


def test_a_worker_that_the_program_forks_is_asked_as_well(agent: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(FORKING)
    done = asked("--json", "--seconds", "8", "--", "app.py", cwd=tmp_path, DD_TRACE_AGENT_URL=agent)
    found = json.loads(done.stdout)
    told = {finding["subject"]: finding["said"] for section in found["sections"] for finding in section["findings"]}
    assert "instrumented: 3 hooks" in told["flask"]
    assert told["spans"].startswith("1 made and ended")


@pytest.mark.parametrize(
    ("options", "status"), [(["--help"], 0), (["--nothing"], 2), (["--seconds"], 2), (["--seconds", "long"], 2)]
)
def test_it_says_how_it_is_used(options: list[str], status: int) -> None:
    done = asked(*options)
    assert done.returncode == status
    assert "usage: python -m otel_dd_distro doctor" in done.stdout + done.stderr


def test_the_console_script_is_the_same(agent: str) -> None:
    script = Path(sys.executable).with_name("otel-dd")
    environ = clean_environ(DD_TRACE_AGENT_URL=agent)
    for options in (["doctor"], ["--version"]):
        done = subprocess.run([script, *options], env=environ, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("otel-dd-distro ")


def test_colours_are_for_terminals_alone() -> None:
    from otel_dd_distro.doctor.findings import PROBLEM, Finding, Section

    sections = [Section("Set-up", [Finding(PROBLEM, "a" * 30, "b " * 100)])]
    assert "\x1b" not in as_text(sections)
    assert "\x1b[31mx\x1b[0m" in as_text(sections, coloured=True)
    assert all(len(line) <= WIDTH for line in as_text(sections).splitlines())
    assert os.linesep.join(as_text([]).splitlines()) == "No problem found"
