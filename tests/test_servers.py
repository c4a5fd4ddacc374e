"""The servers that tests use: each one answers, is gone afterwards, and is another's where its variable says so."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import pytest

from tests import servers


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
