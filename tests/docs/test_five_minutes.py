"""The programs of the page for newcomers make the spans that the page tells of."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.agents import Session, clean_environ, until
from tests.ports import free_port

PAGE = (Path(__file__).parents[2] / "docs" / "five-minutes.md").read_text()
PROGRAMS: list[str] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS: dict[str, str] = dict(re.findall(r"^DD_SERVICE=(\w+) python (.*)$", PAGE, re.MULTILINE))


def environ(service: str, session: Session) -> dict[str, str]:
    return clean_environ(
        DD_SERVICE=service,
        DD_TRACE_AGENT_URL=session.agent.url,
        _DD_TRACE_WRITER_ADDITIONAL_HEADERS=f"X-Datadog-Test-Session-Token:{session.token}",
    )


def test_the_program_makes_the_two_spans_of_the_page(tmp_path: Path, agent_session: Session) -> None:
    (tmp_path / "app.py").write_text(PROGRAMS[0])
    command = [sys.executable, *COMMANDS["first"].split()]

    done = subprocess.run(
        command, cwd=tmp_path, env=environ("first", agent_session), capture_output=True, text=True, timeout=300
    )

    assert (done.returncode, done.stdout) == (0, "(42,)\n"), done.stderr
    work, query = sorted(agent_session.wait_for_spans(2), key=lambda span: span["start"])
    assert (work["service"], work["name"], work["resource"]) == ("first", "internal", "work")
    assert (query["name"], query["resource"], query["parent_id"]) == ("sqlite.query", "SELECT 6 * 7", work["span_id"])


def test_the_web_application_makes_the_span_of_the_page(tmp_path: Path, agent_session: Session) -> None:
    (tmp_path / "shop.py").write_text(PROGRAMS[1])
    (address,) = re.findall(r"<(http://127\.0\.0\.1:5000.*)>", PAGE)
    port = free_port()
    command = [sys.executable, *COMMANDS["shop"].split(), "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=environ("shop", agent_session), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: "Running on" in (tmp_path / "log").read_text() or server.poll() is not None)
        with urllib.request.urlopen(address.replace(":5000", f":{port}"), timeout=60) as answer:
            assert answer.read() == b"tea 3"
    finally:
        server.terminate()
        server.wait(60)
    (span,) = agent_session.wait_for_spans(1)
    assert (span["service"], span["name"], span["resource"]) == ("shop", "flask.request", "GET /tea/<int:number>")
