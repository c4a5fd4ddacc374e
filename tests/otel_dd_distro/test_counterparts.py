"""Instrumentors of others are matched with ours by what they say that they watch."""

from __future__ import annotations

from email.message import Message
from importlib.metadata import Distribution, EntryPoint
from typing import Any

import pytest

from otel_dd_distro import counterparts

GROUP = "opentelemetry_instrumentor"


class Installed(Distribution):
    """A distribution that requires these for its extra `instruments`, or for the one named."""

    def __init__(self, *requirements: str, extra: str = "instruments") -> None:
        self._lines = [f"{line}; extra == '{extra}'" for line in requirements]

    @property
    def metadata(self) -> Any:
        message = Message()
        for line in ["opentelemetry-api~=1.12", *self._lines]:
            message["Requires-Dist"] = line
        return message

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: Any) -> Any:
        raise NotImplementedError


def entry(name: str, dist: Distribution | None) -> EntryPoint:
    made = EntryPoint(name, "somebody.elses:Instrumentor", GROUP)
    vars(made)["dist"] = dist
    return made


@pytest.mark.parametrize(
    ("name", "dist", "ours"),
    [
        ("flask", Installed("flask>=1.0"), "flask"),
        ("aiohttp-client", Installed("aiohttp~=3.0"), "aiohttp"),
        ("aiohttp-server", Installed("aiohttp~=3.0"), "aiohttp"),
        ("grpc_aio_client", Installed("grpcio>=1.42.0"), "grpc"),
        ("mysql", Installed("mysql-connector-python>=8.0"), "mysql_connector"),
        ("mysqlclient", Installed("mysqlclient<3"), "mysqldb"),
        ("psycopg2", Installed("psycopg2-binary>=2.7.3.1", "psycopg2>=2.7.3.1", extra="instruments-any"), "psycopg"),
        ("boto3", Installed("boto3~=1.0"), "botocore"),
        ("httpx", Installed("httpx>=0.18", "httpx2>=2", extra="instruments-any"), "httpx"),
        ("httpx2", Installed("httpx>=0.18", "httpx2>=2", extra="instruments-any"), "httpx2"),
        ("threading", Installed(), "futures"),
        ("threading", None, "futures"),
        ("urllib", Installed(), None),
        ("openai", Installed("openai>=1.26"), None),
        ("mysql", Installed("another-mysql>=1"), None),
        ("of-flask-for-tests", Installed("flask>=1.0", extra="test"), None),
    ],
)
def test_one_is_matched_by_the_distributions_that_it_watches(
    name: str, dist: Distribution | None, ours: str | None
) -> None:
    assert counterparts.own(entry(name, dist)) == ours


def test_their_other_names_are_of_instrumentors_that_we_have() -> None:
    assert set(counterparts.THEIR_NAMES) <= set(counterparts.catalogue())


ABSENT = "a-distribution-that-nobody-has"


@pytest.mark.parametrize(
    ("requirements", "ours_will_do"),
    [
        (("redis>=2.6",), True),
        ((), True),
        # Of the forms of a library those count that are installed.
        (("redis>=2.6", ABSENT), True),
        ((ABSENT,), True),
        (("psycopg2>=2.7.3.1", "psycopg2-binary>=2.7.3.1"), True),
        # Each of them has to be watched, if by another one of ours.
        (("botocore~=1.0", "aiobotocore>=2.0"), True),
        (("httpx>=0.18", "pytest"), False),
    ],
)
def test_ours_will_do_where_each_form_of_the_library_that_is_installed_is_one_that_ours_watch(
    requirements: tuple[str, ...], ours_will_do: bool
) -> None:
    assert counterparts.support(entry("theirs", Installed(*requirements))) is ours_will_do


@pytest.mark.parametrize(("version", "ours_will_do"), [("2.5", False), ("2.6", True), ("7.0b1", True)])
def test_ours_will_do_where_it_supports_the_version_that_is_installed(
    version: str, ours_will_do: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counterparts, "_version", {"redis": version}.get)
    assert counterparts.support(entry("redis", Installed("redis>=1"))) is ours_will_do
