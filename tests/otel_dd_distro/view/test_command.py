"""The command: what it says when it starts, when it cannot, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents import clean_environ, until
from tests.otel_dd_distro.view.running import running, span

BIN = Path(sys.executable).parent


def asked(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "otel_dd_distro", "view", *options]
    return subprocess.run(command, env=clean_environ(**variables), capture_output=True, text=True, timeout=120)


def test_it_says_where_the_page_is_and_where_to_send_to() -> None:
    with running() as view:
        told = re.sub(r":\d{4,}", ":PORT", view.said())

    assert told == (
        "The page: http://127.0.0.1:PORT/\n"
        "Tracers:  DD_TRACE_AGENT_URL=http://127.0.0.1:PORT\n"
        "OTLP:     OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:PORT OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n"
        "The last 1000 traces are kept, at most 128 MiB. Ctrl-C ends it.\n"
    )
    assert view.url != view.otlp_url


def test_ctrl_c_ends_it_with_status_0_while_a_page_is_open() -> None:
    with running() as view:
        with socket.create_connection(view.url.removeprefix("http://").split(":"), timeout=60) as page:
            page.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"event: all" in page.recv(65_536) + page.recv(65_536)
            view.process.send_signal(signal.SIGINT)
            assert view.process.wait(60) == 0
        assert "Traceback" not in view.said()
        view.process.poll = lambda: None  # type: ignore[method-assign]


@pytest.mark.parametrize("option", ["--port", "--otlp-port"])
def test_a_port_that_is_taken_is_told_in_one_line(option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        others = ("--port", "0") if option == "--otlp-port" else ()
        done = asked(option, str(port), *others)

    line = f"view: port {port} is taken, perhaps by an Agent: name another with {option}\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


def test_a_host_that_is_not_this_machine_is_told_in_one_line() -> None:
    done = asked("--host", "192.0.2.1", "--port", "0")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "cannot listen at 192.0.2.1" in done.stderr


@pytest.mark.parametrize(
    "options",
    [("--port", "70000"), ("--port", "x"), ("--traces", "0"), ("--megabytes", "-1"), ("--colour",), ("app.py",)],
)
def test_options_that_are_not_understood_are_told(options: tuple[str, ...]) -> None:
    done = asked(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("python -m otel_dd_distro view: error: ")


def test_without_its_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    # A package of that name without what is needed in it.
    (tmp_path / "uvicorn.py").write_text("")
    program = (
        "import sys, importlib.util as u; find = u.find_spec;"
        "u.find_spec = lambda name, *a: None if name == 'uvicorn' else find(name, *a);"
        "from otel_dd_distro.__main__ import main; main(['view'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environ(), capture_output=True, text=True, timeout=120
    )
    line = "view: uvicorn is not installed: pip install 'otel-dd-distro[view]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


def test_in_the_terminal_a_trace_is_printed_as_a_tree() -> None:
    with running("--terminal") as view:
        view.send([span(1), span(2, 1, name="sql.query", resource="SELECT 1\x1b[2J")])
        until(lambda: "sql.query" in view.said())
        assert "└─ sql.query SELECT 1 [2J" in view.said()


@pytest.mark.parametrize(
    "launcher",
    [(str(BIN / "opentelemetry-instrument"), str(BIN / "otel-dd")), (sys.executable, "-m", "otel_dd_distro")],
    ids=["opentelemetry-instrument", "a child of a traced program"],
)
def test_it_does_not_trace_itself(launcher: tuple[str, ...]) -> None:
    from otel_dd_distro.bootstrap import CHILDREN

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("--port", str(port))
    address = {"DD_TRACE_AGENT_URL": f"http://127.0.0.1:{port}", "DD_TRACE_WRITER_INTERVAL_SECONDS": "0.1"}
    inherited = {} if launcher[0].endswith("instrument") else {"PYTHONPATH": os.pathsep.join((CHILDREN, os.getcwd()))}
    with running(*options, launcher=launcher, **address, **inherited) as view:
        view.send([span(1)])
        for _ in range(20):
            assert view.get("/")[0] == 200
        for number in range(2, 40):
            view.send([span(number, 1)])

        [trace] = view.traces()
        assert {each["service"] for each in trace["spans"]} == {"shop"}
