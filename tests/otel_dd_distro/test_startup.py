"""The line at start-up."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from otel_dd_distro import settings, startup
from tests.agents import ScriptedAgent, clean_environ


def in_use(**variables: str) -> dict[str, Any]:
    """As a reader of the line gets it."""
    told: dict[str, Any] = json.loads(json.dumps(startup.in_use(settings.read(variables, argv=["-"]))))
    return told


def test_it_has_ddtraces_fields() -> None:
    told = in_use(DD_SERVICE="shop", DD_ENV="prod", DD_VERSION="7", DD_TAGS="team:tea", DD_AGENT_HOST="agent")
    assert (
        told.items()
        >= {
            "service": "shop",
            "env": "prod",
            "dd_version": "7",
            "agent_url": "http://agent:8126",
            "global_tags": {"team": "tea"},
            "ddtrace_enabled": True,
            "debug": False,
            "partial_flush_enabled": True,
            "partial_flush_min_spans": 300,
            "lang": "python",
        }.items()
    )
    assert told.keys() >= {"date", "os_name", "os_version", "architecture", "vm", "lang_version", "version"}


def test_it_has_every_setting_in_use() -> None:
    shown = in_use(DD_TRACE_HTTP_SERVER_ERROR_STATUSES="500-599,404", DD_TRACE_PROPAGATION_STYLE="b3")["settings"]
    assert set(shown) == set(settings.Settings._fields)
    assert shown["server_error_statuses"] == "404,500-599"
    assert shown["extract_styles"] == ["b3"]


def test_rules_read_as_the_explanations_of_decisions_do() -> None:
    rules = in_use(DD_TRACE_SAMPLING_RULES='[{"service": "shop*", "sample_rate": 0.5}]')["sampling_rules"]
    assert rules == ["rule 1 shop* rate 0.5"]


STATE = """
import json, otel_dd_distro, requests
{first}
from otel_dd_distro import settings, startup
told = startup.in_use(settings.current())["integrations"]
print(json.dumps({{name: told[name] for name in ("flask", "requests", "pylons")}}))
"""


@pytest.mark.parametrize("is_instrumented", [False, True])
def test_it_says_what_became_of_each_instrumentor(is_instrumented: bool) -> None:
    first = "from otel_instrumentors.requests import RequestsInstrumentor; RequestsInstrumentor().instrument()"
    done = subprocess.run(
        [sys.executable, "-c", STATE.format(first=first if is_instrumented else "")],
        env=clean_environ(DD_TRACE_FLASK_ENABLED="false"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told["pylons"] == "N/A", "it has an environment of its own"
    assert told["flask"] == {
        "enabled": False,
        "instrumented": False,
        "module_version": version("flask"),
        "module_imported": False,
    }
    assert (told["requests"]["instrumented"], told["requests"]["module_imported"]) == (is_instrumented, True)


def test_it_says_why_the_agent_does_not_answer() -> None:
    with ScriptedAgent() as agent:
        assert startup.agent_error(settings.read({"DD_TRACE_AGENT_URL": agent.url}, argv=["-"])) is None
    nobody = settings.read({"DD_TRACE_AGENT_URL": agent.url}, argv=["-"])
    said = startup.agent_error(nobody)
    assert said is not None
    assert said.startswith(f"Agent not reachable at {agent.url}: ConnectionRefusedError")
    assert startup.agent_error(settings.read({"OTEL_TRACES_EXPORTER": "console"}, argv=["-"])) is None


def test_an_agent_that_never_answers_is_waited_for_a_second_at_most() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        patient = settings.read({"DD_TRACE_AGENT_URL": url, "DD_TRACE_AGENT_TIMEOUT_SECONDS": "3600"}, argv=["-"])
        said = startup.agent_error(patient)
    assert said is not None
    assert "TimeoutError" in said


@pytest.mark.parametrize(
    "launcher",
    [["-m", "otel_dd_distro"], ["opentelemetry-instrument", sys.executable]],
    ids=["one start", "instrument"],
)
def test_the_line_is_told_when_the_instrumentors_are_at_work(launcher: list[str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print('the program')")
    command = (
        [sys.executable, *launcher]
        if launcher[0] == "-m"
        else [str(Path(sys.executable).with_name(launcher[0])), *launcher[1:]]
    )
    with ScriptedAgent() as agent:
        done = subprocess.run(
            [*command, str(program)],
            env=clean_environ(DD_TRACE_STARTUP_LOGS="true", DD_TRACE_AGENT_URL=agent.url),
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.stdout == "the program\n"
    [line] = [line for line in done.stderr.splitlines() if line.startswith(startup.PREFIX)]
    told = json.loads(line.removeprefix(startup.PREFIX))
    assert told["agent_error"] is None
    assert told["integrations"]["logging"]["instrumented"] is True
    assert told["integrations"]["flask"]["instrumented"] is False


@pytest.mark.parametrize(
    "variables",
    [
        {"DD_TAGS": "db_password:hunter2,api-key:hunter2,dsn:postgres://me:hunter2@db/x"},
        {"_DD_TRACE_WRITER_ADDITIONAL_HEADERS": "DD-Api-Key:hunter2,x:hunter2"},
        {"DD_TRACE_AGENT_URL": "http://me:hunter2@agent:8126"},
        {"DD_GIT_REPOSITORY_URL": "https://me:hunter2@git.example/x"},
        {"OTEL_RESOURCE_ATTRIBUTES": "auth.token=hunter2"},
        {"DD_API_KEY": "hunter2"},
    ],
)
def test_secrets_are_not_in_it(variables: dict[str, str]) -> None:
    assert "hunter2" not in json.dumps(in_use(**variables))


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for cached in (settings.current, startup.tell):
        cached.cache_clear()
    yield monkeypatch
    for cached in (settings.current, startup.tell):
        cached.cache_clear()


def test_it_is_one_line_of_json_at_level_info_told_once(
    process: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "otel_dd_distro"):
        startup.tell()
        startup.tell()
    [record] = caplog.records
    assert (record.name, record.levelname) == ("otel_dd_distro", "INFO")
    assert json.loads(record.getMessage().removeprefix(startup.PREFIX))["lang"] == "python"


def test_it_goes_to_stderr_where_logging_is_not_set_up(
    process: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "otel_dd_distro"):  # as where nobody has set it
        startup.tell()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(startup.PREFIX)
    assert err.count("\n") == 1
