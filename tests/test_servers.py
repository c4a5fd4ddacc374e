"""The servers that tests use: each one answers, is gone afterwards, and is another's where its variable says so."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import servers

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", [*servers.SERVERS])
def test_a_server_listens_as_long_as_it_is_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = servers.SERVERS[name].variable
    monkeypatch.delenv(variable, raising=False)
    with servers.running(name) as told:
        assert servers.variables()[variable] == os.environ[variable] == told[variable]
        url = urlsplit(told[variable])
        assert url.hostname == "127.0.0.1"
        socket.create_connection(("127.0.0.1", url.port or 0), timeout=5).close()
    assert variable not in os.environ
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", url.port or 0), timeout=5)


def test_a_server_that_is_named_is_used_and_none_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_REDIS_URL", "redis://elsewhere:1")
    monkeypatch.setenv("PATH", "")
    with servers.running("redis_server") as told:
        assert told == {"TEST_REDIS_URL": "redis://elsewhere:1"}
    assert os.environ["TEST_REDIS_URL"] == "redis://elsewhere:1"


def test_a_server_that_is_not_installed_fails_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_REDIS_URL", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(servers.Missing, match=r"redis-server is missing: apt-get install .* redis-server"):
        servers.running("redis_server").__enter__()


def test_the_variables_are_documented_for_each_server_of_compose_yaml() -> None:
    told = dict(re.findall(r"^export (TEST_\w+_URL)=(\S+)$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    assert [*told] == [server.variable for server in servers.SERVERS.values()]
    published = re.findall(r'ports: \["127\.0\.0\.1:(\d+)', (ROOT / "compose.yaml").read_text())
    assert published == [str(urlsplit(url).port) for url in told.values()]
