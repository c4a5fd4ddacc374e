"""Programs that report their runtime to a real socket: by UDP and unix sockets, forked, and when nobody listens."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_dd_distro.runtime_metrics import reporter
from otel_dd_distro.settings import read
from otel_dd_distro.translate.every_span import process
from tests.agents import clean_environ
from tests.otel_dd_distro.runtime_metrics.test_readings import NAMES

PROGRAM = """
import os, sys
from otel_dd_distro.runtime_metrics import reporter
reporter.INTERVAL_S = 0.05
{prelude}
import otel_dd_distro
otel_dd_distro.install()
reporter._reporter._interval_s = 0.05
{program}
"""


def listening(path: Path | None = None) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(str(path) if path else ("127.0.0.1", 0))
    listener.settimeout(60)
    return listener


def received(listener: socket.socket, names: int = len(NAMES)) -> dict[str, list[str]]:
    """By name value, kind and tags of the metrics, until there are so many names."""
    metrics: dict[str, list[str]] = {}
    while len(metrics) < names:
        for line in listener.recv(65_536).decode().splitlines():
            name, _, rest = line.partition(":")
            metrics[name] = rest.split("|")
    return metrics


def started(program: str = "sys.stdin.read()", prelude: str = "", **variables: str) -> subprocess.Popen[str]:
    environ = clean_environ(
        DD_RUNTIME_METRICS_ENABLED="true", DD_SERVICE="shop", DD_ENV="prod", DD_TAGS="team:a|b", **variables
    )
    environ["DD_TRACE_AGENT_URL"] = "http://127.0.0.1:1"
    source = PROGRAM.format(program=program, prelude=prelude)
    return subprocess.Popen(
        [sys.executable, "-c", source], env=environ, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_all_metrics_come_with_the_tags_of_the_process(kind: str, tmp_path: Path) -> None:
    with listening(tmp_path / "dsd.socket" if kind == "unix" else None) as listener:
        at = f"unix://{listener.getsockname()}" if kind == "unix" else f"udp://127.0.0.1:{listener.getsockname()[1]}"
        process = started(DD_DOGSTATSD_URL=at)
        metrics = received(listener)
        _, said = process.communicate("")
    assert set(metrics) == NAMES
    value, distribution, tags = metrics["runtime.python.thread_count"]
    assert (float(value) >= 2, distribution) == (True, "d")
    assert tags.startswith("#service:shop,env:prod,team:a_b,lang:python,lang_interpreter:CPython,lang_version:3.")
    assert (process.returncode, said) == (0, "")


def test_a_forked_child_reports_itself(tmp_path: Path) -> None:
    program = """
from opentelemetry import trace
pid = os.fork()
if pid == 0:
    reporter._reporter._client._tags += ",who:child"
    trace.get_tracer("t").start_span("s").end()
    sys.stdin.read()
    os._exit(0)
sys.stdin.read()
os.waitpid(pid, 0)
"""
    with listening() as listener:
        process = started(program, DD_DOGSTATSD_HOST="127.0.0.1", DD_DOGSTATSD_PORT=str(listener.getsockname()[1]))
        who: set[bool] = set()
        while who != {True, False}:
            who.add("who:child" in listener.recv(65_536).decode())
        process.communicate("", timeout=60)
    assert process.returncode == 0


def test_where_nobody_listens_one_line_says_so_and_the_program_goes_on(tmp_path: Path) -> None:
    program = "import time; time.sleep(1)"
    process = started(program, DD_DOGSTATSD_URL=f"unix://{tmp_path}/nobody")
    _, said = process.communicate(timeout=60)
    lines = [line for line in said.splitlines() if "Runtime metrics" in line]
    assert lines == [f"Runtime metrics cannot be sent to unix://{tmp_path}/nobody: FileNotFoundError"]
    assert process.returncode == 0


def test_off_there_is_no_thread_and_nothing_is_loaded() -> None:
    source = "import sys, threading, otel_dd_distro; otel_dd_distro.install();"
    source += "print([n for n in sys.modules if 'runtime_metrics' in n], threading.active_count())"
    done = subprocess.run(
        [sys.executable, "-c", source], env=clean_environ(), capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[] 1\n", "")


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "udp://localhost:8125"),
        ({"DD_AGENT_HOST": "agent"}, "udp://agent:8125"),
        ({"DD_AGENT_HOST": "agent", "DD_DOGSTATSD_HOST": "statsd", "DD_DOGSTATSD_PORT": "8200"}, "udp://statsd:8200"),
        ({"DD_DOGSTATSD_URL": "statsd"}, "udp://statsd:8125"),
        ({"DD_DOGSTATSD_URL": "statsd:8200"}, "udp://statsd:8200"),
        ({"DD_DOGSTATSD_URL": "/var/dsd"}, "unix:///var/dsd"),
        ({"DD_DOGSTATSD_URL": "unix:/var/dsd"}, "unix:///var/dsd"),
        ({"DD_DOGSTATSD_URL": "UNIX:///var/dsd"}, "unix:///var/dsd"),
        ({"DD_DOGSTATSD_URL": "unix:8200"}, "udp://localhost:8125"),
        ({"DD_DOGSTATSD_URL": "[::1]:8200"}, "udp://[::1]:8200"),
        ({"DD_DOGSTATSD_URL": "http://statsd"}, "udp://localhost:8125"),
    ],
)
def test_where_the_agent_is_there_is_dogstatsd(variables: dict[str, str], url: str) -> None:
    assert read(variables, exists=lambda _path: False).dogstatsd_url == url
    on = {"DD_RUNTIME_METRICS_ENABLED": "true"}
    assert read(on, exists=lambda _path: True).dogstatsd_url == "unix:///var/run/datadog/dsd.socket"


def test_how_the_process_was_started_is_told_unless_that_is_switched_off() -> None:
    def tags(**variables: str) -> list[str]:
        return reporter._tags(read({"DD_SERVICE": "shop", **variables}))

    how = [tag for tag in tags() if tag.startswith(("entrypoint.", "svc."))]
    assert how == process.tags("shop", True)["_dd.tags.process"].split(",")
    off = tags(DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED="false")
    assert sorted(set(tags()) - set(off)) == sorted(how)


def test_its_id_is_told_where_that_is_asked_for() -> None:
    def tags(**variables: str) -> list[str]:
        return reporter._tags(read({"DD_SERVICE": "shop", **variables}))

    asked: Any = [tag for tag in tags(DD_RUNTIME_METRICS_RUNTIME_ID_ENABLED="true") if tag.startswith("runtime-id:")]
    assert len(asked) == 1
    assert not [tag for tag in tags() if tag.startswith("runtime-id")]
