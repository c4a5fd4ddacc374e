"""SIGTERM at any time, also while the process is ending already."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.agents import ScriptedAgent, clean_environ, says, waits
from tests.ports import free_port

RECORDING = """
import sys, time
import otel_dd_distro
from opentelemetry import trace

otel_dd_distro.install()
for _ in range(3):
    with trace.get_tracer("shop").start_as_current_span("work"):
        pass
print("recorded", flush=True)
if sys.argv[1] == "working":
    time.sleep(60)
"""


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("when", ["working", "ending"])
def test_a_process_that_is_terminated_has_sent_what_it_recorded(when: str, times: int) -> None:
    # The Agent takes its time for the first answer, as one does that starts beside the application.
    with ScriptedAgent(says(), info=waits(0.7, says(404))) as there:
        program = subprocess.Popen(
            [sys.executable, "-c", RECORDING, when],
            env=clean_environ(DD_TRACE_AGENT_URL=there.url, OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="30"),
            stdout=subprocess.PIPE,
            text=True,
        )
        with program:
            assert program.stdout is not None
            assert program.stdout.readline() == "recorded\n"
            while when == "ending" and not there.infos():
                time.sleep(0.01)
            for _ in range(times):
                program.send_signal(signal.SIGTERM)
                time.sleep(0.1)
            assert program.wait(60) == -signal.SIGTERM
        assert len(there.spans()) == 3


HANDLING = """
import signal, sys
import otel_dd_distro
from opentelemetry import trace

if sys.argv[1] == "SIGTERM":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
otel_dd_distro.install()
for _ in range(3):
    with trace.get_tracer("shop").start_as_current_span("work"):
        pass
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_a_signals_handler_raises_while_the_process_is_ending_loses_no_span_and_is_not_told(
    number: signal.Signals,
) -> None:
    with ScriptedAgent(says(), info=waits(2, says(404))) as there:
        program = subprocess.Popen(
            [sys.executable, "-c", HANDLING, number.name],
            env=clean_environ(DD_TRACE_AGENT_URL=there.url, OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="30"),
            stderr=subprocess.PIPE,
            text=True,
        )
        with program:
            while not there.infos():
                time.sleep(0.01)
            for _ in range(2):
                program.send_signal(number)
                time.sleep(0.2)
            _, said = program.communicate(timeout=60)
        assert (program.returncode, said) == (0, "")
        assert len(there.spans()) == 3


SERVED = """
from opentelemetry import trace

async def app(scope, receive, send):
    if scope["type"] == "http":
        with trace.get_tracer("shop").start_as_current_span("work"):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"served"})
"""


def asked(url: str) -> bytes:
    """The answer of a server that may be starting still."""
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                body: bytes = answer.read()
                return body
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


UVICORN = ("uvicorn", "--port", "{port}")
GUNICORN = ("gunicorn", "--bind", "127.0.0.1:{port}", "--worker-class", "uvicorn_worker.UvicornWorker")


@pytest.mark.parametrize(
    ("server", "number"), [(UVICORN, signal.SIGTERM), (UVICORN, signal.SIGINT), (GUNICORN, signal.SIGTERM)]
)
def test_uvicorn_alone_and_in_a_worker_of_gunicorn_has_sent_what_it_recorded(
    tmp_path: Path, server: tuple[str, ...], number: signal.Signals
) -> None:
    (tmp_path / "served.py").write_text(SERVED)
    port = free_port()
    command = ["-m", *(word.format(port=port) for word in server), "served:app"]
    with ScriptedAgent() as there:
        program = subprocess.Popen(
            [sys.executable, "-m", "otel_dd_distro", *command],
            env=clean_environ(
                DD_TRACE_AGENT_URL=there.url,
                DD_TRACE_WRITER_INTERVAL_SECONDS="600",
                OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="30",
            ),
            cwd=tmp_path,
        )
        with program:
            try:
                assert [asked(f"http://127.0.0.1:{port}") for _ in range(3)] == [b"served"] * 3
                program.send_signal(number)
                program.wait(60)
            finally:
                program.kill()
        assert len(there.spans()) == 3


FIRST_PROCESS = """
import os, signal
import otel_dd_distro
from opentelemetry import trace

otel_dd_distro.install()
# As in a container, where the kernel has no default action for process 1.
os.getpid, os.kill = lambda: 1, lambda pid, number: print("killed")
for _ in range(2):
    with trace.get_tracer("shop").start_as_current_span("work"):
        pass
    signal.raise_signal(signal.SIGTERM)
print(otel_dd_distro.counters().dropped)
"""


def test_the_first_process_of_a_container_outlives_sigterm_and_is_traced_on() -> None:
    with ScriptedAgent() as there:
        done = subprocess.run(
            [sys.executable, "-c", FIRST_PROCESS],
            env=clean_environ(DD_TRACE_AGENT_URL=there.url, OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="30"),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "{}\n", "")
        assert len(there.spans()) == 2


POOL = """
import multiprocessing
from opentelemetry import trace

def work(number):
    with trace.get_tracer("shop").start_as_current_span("work"):
        return number

if __name__ == "__main__":
    spawning = multiprocessing.get_context("spawn")
    for number in range(4):
        # Its end terminates the worker, which may be ending by itself.
        with spawning.Pool(1) as pool:
            print(pool.apply(work, (number,)))
"""


def test_the_workers_of_a_pool_that_is_ended_by_force_have_sent_what_they_recorded(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(POOL)
    with ScriptedAgent() as there:
        done = subprocess.run(
            [sys.executable, "-m", "otel_dd_distro", "program.py"],
            env=clean_environ(DD_TRACE_AGENT_URL=there.url, OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="30"),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["0", "1", "2", "3"], "")
        assert len(there.spans()) == 4
