"""Who asks for debug output sees what is hooked as it happens, and a line for each payload."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents import ScriptedAgent, clean_environ

PROGRAM = """
import jinja2
jinja2.Template("hi").render()
"""
CONFIGURED = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="theirs %(message)s")
"""


def ran(tmp_path: Path, source: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "app.py").write_text(source)
    with ScriptedAgent() as agent:
        return subprocess.run(
            [sys.executable, "-m", "otel_dd_distro", "app.py"],
            cwd=tmp_path,
            env=clean_environ(DD_TRACE_AGENT_URL=agent.url, **variables),
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.mark.parametrize("variables", [{"DD_TRACE_DEBUG": "true"}, {"OTEL_LOG_LEVEL": "debug"}], ids=str)
def test_hooks_and_payloads_are_told_on_stderr(tmp_path: Path, variables: dict[str, str]) -> None:
    done = ran(tmp_path, PROGRAM, **variables)
    assert done.returncode == 0
    assert "DEBUG [otel_instrumentors] jinja2: " in done.stderr
    assert "DEBUG [otel_dd_distro.export] The Agent took 2 traces, 2 spans, " in done.stderr


def test_where_the_application_logs_somewhere_they_go_there_alone(tmp_path: Path) -> None:
    done = ran(tmp_path, CONFIGURED + PROGRAM, DD_TRACE_DEBUG="true")
    assert "theirs jinja2: " in done.stdout
    assert "jinja2: " not in done.stderr


def test_without_being_asked_for_nothing_is_said(tmp_path: Path) -> None:
    done = ran(tmp_path, PROGRAM)
    assert (done.stdout, done.stderr) == ("", "")
