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
