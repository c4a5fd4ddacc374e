"""A Django project on the servers that people use, and what stands in the Agent after."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agents import Session, clean_environ
from tests.otel_instrumentors.families.asgi_servers import kept_requests
from tests.ports import free_port

APPS = Path(__file__).with_name("apps")
INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))
SERVERS = {
    "gunicorn": "gunicorn tearoom.wsgi:application --bind 127.0.0.1:{port} --workers 2 --log-level warning",
    "uvicorn": "uvicorn tearoom.asgi:application --port {port} --log-level warning",
    "runserver": "python manage.py runserver 127.0.0.1:{port}",
    "runserver without reloading": "python manage.py runserver 127.0.0.1:{port} --noreload",
}


COMPLAINTS = ("Tracing failed", "could not be instrumented", "Failed to detach", "Exception while", "not delivered")


@contextmanager
def serving(command: str, session: Session, **variables: str) -> Iterator[int]:
    """The port of a traced server; afterwards it has ended as one ends that is told to."""
    port = free_port()
    environ = clean_environ(
        DD_TRACE_AGENT_URL=session.agent.url,
        _DD_TRACE_WRITER_ADDITIONAL_HEADERS=",".join(f"{key}:{value}" for key, value in session.headers.items()),
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        PYTHONUNBUFFERED="1",
        **variables,
    )
    with subprocess.Popen(
        [INSTRUMENT, *command.format(port=port).split()],
        env=environ,
        cwd=APPS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield port
        finally:
            # A server that reloads is two processes.
            os.killpg(process.pid, signal.SIGTERM)
            said, _ = process.communicate(timeout=60)
        assert not [words for words in COMPLAINTS if words in said], said


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def requests(spans: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((span["resource"], span["meta"]["http.status_code"]) for span in spans if span.get("type") == "web")


def arrived(session: Session, number: int) -> list[dict[str, Any]]:
    """All spans, as soon as there are those of so many requests."""
    end = time.monotonic() + 60
    while requests(spans := session.spans()).total() < number and time.monotonic() < end:
        time.sleep(0.05)
    return spans


@pytest.mark.parametrize("server", SERVERS)
def test_each_request_is_one_span_named_by_its_route(server: str, agent_session: Session) -> None:
    with serving(SERVERS[server], agent_session, DD_SERVICE="tearoom") as port:
        statuses = [get(port, path) for path in ("/items/3/", "/items/4/", "/waited/5/", "/rows/", "/stream/")]
        assert statuses == [200] * 5
        assert [get(port, "/boom/"), get(port, "/nowhere/")] == [500, 404]
        spans = arrived(agent_session, 7)

    assert requests(spans) == {
        ("GET items/<int:n>/", "200"): 2,
        ("GET waited/<int:n>/", "200"): 1,
        ("GET rows/", "200"): 1,
        ("GET stream/", "200"): 1,
        ("GET boom/", "500"): 1,
        ("GET 404", "404"): 1,
    }
    names = Counter(span["name"] for span in spans if "SELECT 7" in span["resource"] or span["name"][:6] == "django")
    assert names == {"django.request": 7, "django.middleware": 7, "django.view": 6, "sqlite.query": 1}
    assert {span["service"] for span in spans} == {"tearoom", "sqlite"}
    (boom,) = [span for span in spans if span["resource"] == "GET boom/"]
    assert (boom["error"], boom["meta"]["error.type"]) == (1, "builtins.ValueError")


def test_requests_of_one_kept_connection_are_nobodys_children(agent_session: Session) -> None:
    with serving(SERVERS["uvicorn"], agent_session) as port:
        assert kept_requests(port, "/read/", "/waited/2/") == [b"200000", *[b"waited 2"] * 3]
        spans = arrived(agent_session, 4)

    requested = [span for span in spans if span.get("type") == "web"]
    assert [span.get("parent_id", 0) for span in requested] == [0] * 4
    assert len({span["trace_id"] for span in requested}) == 4


def test_datadogs_variables_switch_the_spans(agent_session: Session) -> None:
    variables = {
        "DD_DJANGO_INSTRUMENT_MIDDLEWARE": "false",
        "DD_DJANGO_INSTRUMENT_DATABASES": "true",
        "DD_TRACE_SQLITE3_ENABLED": "false",
    }
    with serving(SERVERS["runserver without reloading"], agent_session, **variables) as port:
        assert get(port, "/rows/") == 200
        spans = agent_session.wait_for_spans(3)
    told = {(span["name"], span["resource"], span["service"]) for span in spans if "sqlite_" not in span["resource"]}
    assert told == {
        ("django.request", "GET rows/", "django"),
        ("django.view", "tearoom.urls.rows", "django"),
        ("sqlite.query", "SELECT 7", "defaultdb"),
    }
