"""The servers that tests use: each one answers, is gone afterwards, and is another's where its variable says so."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import servers

ROOT = Path(__file__).parents[1]


# What the others start as MongoDB's is started takes far longer, and is proven by the tests that use it.
LIGHT = sorted(
    servers.SERVERS.keys() - {"cassandra_server", "elasticsearch_server", "kafka_server", "opensearch_server"}
)


@pytest.mark.parametrize("name", LIGHT)
def test_a_server_listens_as_long_as_it_is_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = servers.SERVERS[name].variable
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv(servers.FOLDER, raising=False)
    with servers.running(name) as told:
        assert servers.variables()[variable] == os.environ[variable] == told[variable]
        url = urlsplit(told[variable])
        assert url.hostname == "127.0.0.1"
        socket.create_connection(("127.0.0.1", url.port or 0), timeout=60).close()
    assert variable not in os.environ
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", url.port or 0), timeout=60)


def test_a_server_that_is_named_is_used_and_none_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_REDIS_URL", "redis://elsewhere:1")
    monkeypatch.setenv("PATH", "")
    with servers.running("redis_server") as told:
        assert told == {"TEST_REDIS_URL": "redis://elsewhere:1"}
    assert os.environ["TEST_REDIS_URL"] == "redis://elsewhere:1"


def asked_elsewhere(name: str) -> subprocess.Popen[str]:
    """A process, as a worker of xdist is one, that asks for a server, says where it is, and waits."""
    program = (
        "import sys, tests.servers as servers\n"
        f"with servers.running({name!r}) as told: print(*told.values(), flush=True); sys.stdin.read()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(servers.FOLDER, raising=False)
    monkeypatch.delenv("TEST_VERTICA_URL", raising=False)


@pytest.mark.usefixtures("no_session")
def test_workers_share_a_server_which_stays_when_the_one_that_asked_first_is_killed() -> None:
    with servers.session():
        workers = [asked_elsewhere("vertica_server") for _ in range(3)]
        told = {worker.stdout.readline() for worker in workers if worker.stdout}
        for worker in workers:
            worker.kill()
            worker.communicate()
        with servers.running("vertica_server") as again:
            assert told == {again["TEST_VERTICA_URL"] + "\n"}
            port = urlsplit(again["TEST_VERTICA_URL"]).port or 0
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=60)


@pytest.mark.usefixtures("no_session")
def test_a_server_ends_with_its_run_even_when_that_is_killed() -> None:
    program = (
        "import sys, tests.servers as servers\n"
        "with servers.session(), servers.running('vertica_server') as told:"
        " print(*told.values(), servers.os.environ[servers.FOLDER], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        url, folder = owner.stdout.readline().split()
        to = ("127.0.0.1", urlsplit(url).port or 0)
        socket.create_connection(to, timeout=60).close()
        owner.kill()
    end = time.monotonic() + 60
    while Path(folder).exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(to, timeout=60)


@pytest.mark.usefixtures("no_session")
def test_each_worker_hears_why_a_server_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_REDIS_CLUSTER_URL", raising=False)
    monkeypatch.setenv("PATH", "")
    with servers.session():
        for _ in range(2):
            with pytest.raises(servers.Missing, match="redis-cli is missing: apt-get install"):
                servers.running("redis_cluster").__enter__()


def test_a_server_that_is_not_installed_fails_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_REDIS_URL", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(servers.Missing, match=r"redis-server is missing: apt-get install .* redis-server"):
        servers.running("redis_server").__enter__()


def test_the_variables_are_documented_for_each_server_of_compose_yaml() -> None:
    told = dict(re.findall(r"^export (TEST_\w+_URL)=(\S+)$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    stand_ins = {"TEST_ELASTICSEARCH_STUB_URL", "TEST_VERTICA_URL"}
    variables = [server.variable for server in servers.SERVERS.values()]
    assert [*told] == [variable for variable in variables if variable not in stand_ins]
    published = re.findall(r'ports: \["127\.0\.0\.1:(\d+)', (ROOT / "compose.yaml").read_text())
    assert published == [str(urlsplit(url).port) for url in told.values()]
