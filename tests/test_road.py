"""The road, whole: programs under `opentelemetry-instrument`, and what stands in the Agent after."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agents import Session, clean_environ
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
APPS = ROOT / "tests" / "apps"
INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))
ONE_START = [sys.executable, "-m", "otel_dd_distro", "-m"]


def environ(session: Session | None = None, **more: str) -> dict[str, str]:
    """The environment of a traced program. Warnings of others, at its start, are not ours to judge."""
    if session is not None:
        more.setdefault("DD_TRACE_AGENT_URL", session.agent.url)
        more["_DD_TRACE_WRITER_ADDITIONAL_HEADERS"] = ",".join(f"{k}:{v}" for k, v in session.headers.items())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return clean_environ(**more, PATH=path)


def traced(*command: str, session: Session | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [INSTRUMENT, *command],
        env=environ(session, **variables),
        cwd=APPS,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_program_is_traced_with_no_line_changed(agent_session: Session) -> None:
    done = traced("python", "hello.py", "/hello/you", "/rows", session=agent_session, DD_SERVICE="greeter")

    assert (done.stdout, done.stderr) == ("/hello/you hello you\n/rows [(1,)]\n", "")
    spans = [(span["name"], span["service"], span["resource"]) for span in agent_session.spans()]
    # The contrib instrumentor of Flask is installed, too: ours of the same name stands in for it.
    assert Counter(spans) == Counter(
        [
            ("flask.request", "greeter", "GET /hello/<name>"),
            ("flask.request", "greeter", "GET /rows"),
            ("sqlite.query", "sqlite", "SELECT 1"),
        ]
    )


def test_the_contrib_instrumentor_is_really_there_and_traces_when_ours_is_not(agent_session: Session) -> None:
    """What the test above rests on."""
    program = """
import otel_dd_distro; otel_dd_distro.install()
from opentelemetry.instrumentation.flask import FlaskInstrumentor; FlaskInstrumentor().instrument()
import hello; hello.app.test_client().get('/hello/x').get_data()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ(agent_session),
        cwd=APPS,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (span,) = agent_session.spans()
    assert (span["name"], span["meta"]["otel.scope.name"]) == (
        "http.server.request",
        "opentelemetry.instrumentation.flask",
    )


def test_one_instrumentor_is_switched_off_by_its_variable(agent_session: Session) -> None:
    traced("python", "hello.py", "/rows", session=agent_session, DD_TRACE_FLASK_ENABLED="false")
    assert [span["name"] for span in agent_session.spans()] == ["sqlite.query"]


@pytest.mark.parametrize("variable", ["DD_TRACE_ENABLED=false", "OTEL_SDK_DISABLED=true"])
def test_switched_off_nothing_is_traced_and_nothing_said(agent_session: Session, variable: str) -> None:
    name, _, value = variable.partition("=")
    done = traced("python", "hello.py", "/rows", session=agent_session, **{name: value})
    assert (done.returncode, done.stdout, done.stderr) == (0, "/rows [(1,)]\n", "")
    assert agent_session.spans() == []


def test_a_bad_variable_is_one_line_and_the_program_runs(agent_session: Session) -> None:
    done = traced("python", "hello.py", "/rows", session=agent_session, DD_TRACE_PARTIAL_FLUSH_MIN_SPANS="many")
    assert done.stdout == "/rows [(1,)]\n"
    (line,) = done.stderr.splitlines()
    assert "DD_TRACE_PARTIAL_FLUSH_MIN_SPANS" in line
    assert "many" in line
    assert "300" in line
    assert len(agent_session.spans()) == 2


def test_propagators_of_opentelemetrys_variable_are_at_hand(agent_session: Session) -> None:
    program = "import hello; from opentelemetry import propagate, trace\n"
    program += "with trace.get_tracer('app').start_as_current_span('work'): propagate.inject(headers := {})\n"
    program += "print(sorted(headers))"
    done = traced("python", "-c", program, session=agent_session, OTEL_PROPAGATORS="b3,b3multi,tracecontext")
    assert (done.stdout, done.stderr) == (
        "['b3', 'traceparent', 'tracestate', 'x-b3-sampled', 'x-b3-spanid', 'x-b3-traceid']\n",
        "",
    )


def test_a_child_process_is_traced_once(agent_session: Session) -> None:
    program = "import subprocess, sys; subprocess.run([sys.executable, 'hello.py', '/rows'], check=True)"
    done = traced("python", "-c", program, session=agent_session)
    assert done.stderr == ""
    assert sorted(span["name"] for span in agent_session.spans()) == ["flask.request", "sqlite.query"]


def terminated(session: Session, program: str) -> tuple[int, str]:
    """Status and output of a traced program that says `ready` and is then asked to end."""
    with subprocess.Popen(
        [INSTRUMENT, "python", "-u", "-c", program],
        env=environ(session, DD_TRACE_WRITER_INTERVAL_SECONDS="60"),
        cwd=APPS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        output = process.stdout.read()
        return process.wait(60), output


SERVE = "import hello, time; hello.app.test_client().get('/hello/x').get_data(); print('ready'); time.sleep(30)"


def test_sigterm_loses_no_finished_span_and_the_status_stays(agent_session: Session) -> None:
    assert terminated(agent_session, SERVE) == (-signal.SIGTERM, "")
    assert [span["resource"] for span in agent_session.spans()] == ["GET /hello/<name>"]


def test_the_applications_own_handler_of_sigterm_runs_and_decides(agent_session: Session) -> None:
    program = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print('mine'), sys.exit(7))); " + SERVE
    assert terminated(agent_session, program) == (7, "mine\n")
    assert [span["resource"] for span in agent_session.spans()] == ["GET /hello/<name>"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_lose_no_span(agent_session: Session, method: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, sys\n"
        "from opentelemetry import trace\n"
        "def work(number):\n"
        "    with trace.get_tracer('app').start_as_current_span(f'work {number}'): return number\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context(sys.argv[1])\n"
        "    with trace.get_tracer('app').start_as_current_span('all'):\n"
        "        processes = [context.Process(target=work, args=(n,)) for n in range(3)]\n"
        "        for process in processes: process.start()\n"
        "        for process in processes: process.join()\n"
        "    print([process.exitcode for process in processes])\n"
    )
    done = traced("python", str(program), method, session=agent_session)
    assert (done.stdout, done.stderr) == ("[0, 0, 0]\n", "")
    assert sorted(span["resource"] for span in agent_session.spans()) == ["all", "work 0", "work 1", "work 2"]


@contextmanager
def gunicorn(
    session: Session | None, *options: str, launcher: list[str] | None = None, **variables: str
) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Port and process of gunicorn with four sync workers."""
    port = free_port()
    command = [*(launcher or [INSTRUMENT]), "gunicorn", "hello:app", "--bind", f"127.0.0.1:{port}", "--workers", "4"]
    with subprocess.Popen(
        [*command, "--log-level", "warning", *options],
        env=environ(session, **variables),
        cwd=APPS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield port, process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("launcher", [[INSTRUMENT], ONE_START], ids=["instrument", "one start"])
@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["plain", "preload"])
def test_gunicorn_loses_no_request_span(agent_session: Session, options: tuple[str, ...], launcher: list[str]) -> None:
    pids: Counter[str] = Counter()

    def work(number: int) -> None:
        for _ in range(number):
            pids[get(port, "/pid")] += 1

    with gunicorn(agent_session, *options, launcher=launcher) as (port, process):
        threads = [threading.Thread(target=work, args=(250,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # The last requests are milliseconds old: nothing of them has been sent yet.
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        said = process.stdout.read() if process.stdout else ""

    spans = agent_session.wait_for_spans(2000)
    assert sum(pids.values()) == 2000
    assert [span["resource"] for span in spans] == ["GET /pid"] * 2000
    assert len({span["span_id"] for span in spans}) == 2000
    assert Counter(str(int(span["metrics"]["process_id"])) for span in spans) == pids
    assert str(process.pid) not in pids
    assert len({span["meta"]["runtime-id"] for span in spans}) == len(pids)
    assert said == ""


def test_an_agent_that_is_not_there_costs_one_line_and_no_time_at_exit() -> None:
    began = time.monotonic()
    url = f"http://127.0.0.1:{free_port()}"
    done = traced("python", "hello.py", "/rows", DD_TRACE_AGENT_URL=url, OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="100")
    took = time.monotonic() - began
    assert done.stdout == "/rows [(1,)]\n"
    (line,) = done.stderr.splitlines()
    assert "127.0.0.1" in line
    assert "Traceback" not in done.stderr
    assert took < 60


def test_an_agent_that_never_answers_holds_the_exit_for_two_seconds_at_most() -> None:
    def exit_seconds(url: str, **variables: str) -> float:
        program = "import time, hello; hello.app.test_client().get('/rows').get_data();"
        program += "print(time.monotonic())"
        done = traced("python", "-c", program, DD_TRACE_AGENT_URL=url, **variables)
        ended = time.monotonic()
        assert done.returncode == 0, done.stderr
        return ended - float(done.stdout.splitlines()[-1])

    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(16)
        url = f"http://127.0.0.1:{hole.getsockname()[1]}"
        # Without a limit it would be the minute that a request may take.
        patient = {"DD_TRACE_AGENT_TIMEOUT_SECONDS": "60"}
        assert exit_seconds(url, DD_TRACE_ENABLED="false", **patient) < 30
        assert 1.9 < exit_seconds(url, OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="", **patient) < 30
        assert 4.9 < exit_seconds(url, OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS="5", **patient) < 30


def test_the_agents_unix_socket_is_a_road_too(agent_session: Session) -> None:
    done = traced(
        "python", "hello.py", "/rows", session=agent_session, DD_TRACE_AGENT_URL=agent_session.agent.socket_url
    )
    assert done.stderr == ""
    assert len(agent_session.spans()) == 2


def test_rates_of_the_agent_decide_the_next_traces(test_agent: object, agent_session: Session) -> None:
    session = agent_session.agent.session(rates={"service:greeter,env:test": 0.0, "service:,env:": 1.0})
    program = """
import hello, otel_dd_distro, time
from opentelemetry import trace
client = hello.app.test_client()
client.get('/hello/first').get_data()
trace.get_tracer_provider().force_flush()
client.get('/hello/second').get_data()
"""
    done = traced("python", "-c", program, session=session, DD_SERVICE="greeter", DD_ENV="test")
    assert done.stderr == ""
    told = [
        (span["metrics"]["_sampling_priority_v1"], span["meta"]["_dd.p.dm"], span["metrics"].get("_dd.agent_psr"))
        for span in sorted(session.spans(), key=lambda span: int(span["start"]))
    ]
    assert told == [(1, "-0", None), (0, "-1", 0.0)]


@pytest.mark.parametrize("kind", ["absent", "silent"])
def test_an_application_under_load_outlives_its_agent_quietly_and_in_bounded_memory(kind: str) -> None:
    """The 60 seconds of the real thing: `nox -s outage`. Here the queue is small instead, and the load higher."""
    from benchmarks.outage import outage

    patient = {"DD_TRACE_AGENT_TIMEOUT_SECONDS": "60"}
    told = outage(kind, seconds=4, rate=500, DD_TRACE_WRITER_BUFFER_SIZE_BYTES="200000", **patient)
    assert told["requests"] == 2000
    assert told["accepted"] == 2 * told["requests"]
    assert told["accepted"] == told["sent"] + told["queued"] + sum(told["dropped"].values())
    assert told["sent"] == 0
    assert len(told["lines"]) <= 2
    assert max(told["rss_kib"]) - told["rss_kib"][0] < 32 * 1024
    # Two seconds are for the Agent; without a limit, the minute that a request may take.
    assert told["exit_seconds"] < 30


def test_what_the_settings_ask_for_is_on_the_spans_that_arrive(agent_session: Session) -> None:
    program = """
import threading, flask, requests
from werkzeug.serving import make_server
app = flask.Flask("app")
@app.get("/tea")
def tea(): return "tea", {"X-Cup": "big"}
server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/tea"
print(requests.get(url, headers={"X-Tea": "green", "X-Forwarded-For": "8.8.8.8", "Cookie": "a=1"}).text)
server.shutdown()
"""
    done = traced(
        "python",
        "-c",
        program,
        session=agent_session,
        DD_SERVICE="house",
        DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1",
        DD_TRACE_PEER_SERVICE_MAPPING="127.0.0.1:kitchen",
        DD_TRACE_HEADER_TAGS="X-Tea:tea,x-cup",
        DD_TRACE_CLIENT_IP_ENABLED="true",
        DD_GIT_REPOSITORY_URL="https://me:hunter2@git.example/tea",
        DD_REQUESTS_DISTRIBUTED_TRACING="false",
        DD_TRACE_STARTUP_LOGS="true",
    )

    assert done.stdout == "tea\n"
    assert done.stderr.startswith("DATADOG TRACER CONFIGURATION - {")
    assert "hunter2" not in done.stderr
    served, sent = sorted(agent_session.spans(), key=lambda span: str(span["meta"]["span.kind"]), reverse=True)
    assert (served["name"], sent["name"]) == ("http.server.request", "http.client.request")
    assert (served["service"], sent["service"]) == ("house", "house")
    assert served["trace_id"] != sent["trace_id"]
    assert [served["meta"][key] for key in ("tea", "http.client_ip", "network.client.ip")] == [
        "green",
        "8.8.8.8",
        "127.0.0.1",
    ]
    for span in (served, sent):
        assert span["meta"]["http.response.headers.x-cup"] == "big"
        assert span["meta"]["_dd.git.repository_url"] == "https://git.example/tea"
        assert span["meta"]["_dd.tags.process"].endswith("svc.user:true")
        assert not [key for key in span["meta"] if key.startswith("http.request.headers.")]
    assert (sent["meta"]["tea"], sent["meta"]["peer.service"]) == ("green", "kitchen")
    assert sent["meta"]["_dd.peer.service.remapped_from"] == "127.0.0.1"


@pytest.mark.parametrize("launcher", [[INSTRUMENT], ONE_START], ids=["instrument", "one start"])
def test_gunicorn_with_gevent_loses_no_request_span(agent_session: Session, launcher: list[str]) -> None:
    options = ("--worker-class", "gevent", "--workers", "2")
    with gunicorn(agent_session, *options, launcher=launcher) as (port, process):
        threads = [threading.Thread(target=lambda: [get(port, "/rows") for _ in range(125)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        said = process.stdout.read() if process.stdout else ""

    spans = agent_session.wait_for_spans(2000)
    assert Counter(span["resource"] for span in spans) == {"GET /rows": 1000, "SELECT 1": 1000}
    parents = {span["span_id"] for span in spans if span["name"] == "flask.request"}
    assert {span["parent_id"] for span in spans if span["name"] == "sqlite.query"} == parents
    assert said == ""
