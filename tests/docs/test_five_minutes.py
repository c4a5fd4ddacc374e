"""The program of the page for newcomers makes the spans that the page tells of."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.agents import Session, clean_environ

PAGE = Path(__file__).parents[2] / "docs" / "five-minutes.md"


def test_the_program_makes_the_two_spans_of_the_page(tmp_path: Path, agent_session: Session) -> None:
    page = PAGE.read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (command,) = re.findall(r"^DD_SERVICE=first python (.*)$", page, re.MULTILINE)
    (tmp_path / "app.py").write_text(program)
    token = f"X-Datadog-Test-Session-Token:{agent_session.token}"
    environ = clean_environ(
        DD_SERVICE="first",
        DD_TRACE_AGENT_URL=agent_session.agent.url,
        _DD_TRACE_WRITER_ADDITIONAL_HEADERS=token,
    )

    done = subprocess.run(
        [sys.executable, *command.split()], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300
    )

    assert (done.returncode, done.stdout) == (0, "(42,)\n"), done.stderr
    work, query = sorted(agent_session.wait_for_spans(2), key=lambda span: span["start"])
    assert (work["service"], work["name"], work["resource"]) == ("first", "internal", "work")
    assert (query["name"], query["resource"], query["parent_id"]) == ("sqlite.query", "SELECT 6 * 7", work["span_id"])
