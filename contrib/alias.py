"""A pytest plugin: under the name of an instrumentor of opentelemetry-python-contrib stands ours.

CONTRIB names the package under test, as `flask`. What is expected to fail stands in expected.toml, with its reason; a
test of these that passes is a failure, too.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = "opentelemetry.instrumentation"


class Counterpart(NamedTuple):
    """Our plugin for a package of theirs, and which part of it does what theirs does: all of it, or these hooks."""

    plugin: str
    modules: tuple[str, ...] = ("",)
    """What the names of the modules begin with whose hooks are meant."""
    without: tuple[str, ...] = ()
    """Hooks of spans that theirs does not make."""


COUNTERPARTS = {
    "aiohttp_client": Counterpart("aiohttp", ("aiohttp.client",)),
    "aiohttp_server": Counterpart("aiohttp", ("aiohttp.web",)),
    "boto3sqs": Counterpart("botocore"),
    "django": Counterpart("django", without=("BaseHandler.make_view_atomic",)),
    "grpc": Counterpart("grpc"),
    "mysql": Counterpart("mysql_connector", without=("commit", "rollback")),
    "mysqlclient": Counterpart("mysqldb", without=("commit", "rollback")),
    "psycopg": Counterpart("psycopg", ("psycopg.", "psycopg"), without=("commit", "rollback")),
    "psycopg2": Counterpart("psycopg", ("psycopg2",), without=("commit", "rollback")),
    "pyramid": Counterpart("pyramid", without=("RendererHelper.render",)),
    "threading": Counterpart("futures"),
    "tornado": Counterpart("tornado", without=("Template.generate",)),
}

NAME = os.environ["CONTRIB"]


def aliased(counterpart: Counterpart) -> type:
    """Our instrumentor, with those of its hooks that have a counterpart."""
    module: Any = importlib.import_module(f"otel_instrumentors.{counterpart.plugin}")
    (ours,) = (
        value
        for name, value in vars(module).items()
        if name.endswith("Instrumentor") and getattr(value, "__module__", "") == module.__name__
    )
    hooks = {
        watched: {path: hook for path, hook in paths.items() if not path.endswith(counterpart.without or ("\0",))}
        for watched, paths in ours.hooks.items()
        if watched.startswith(counterpart.modules)
    }
    return type(ours.__name__, (ours,), {"hooks": hooks, "__module__": module.__name__})


def pytest_configure() -> None:
    theirs = importlib.import_module(f"{PACKAGE}.{NAME}")
    ours = aliased(COUNTERPARTS.get(NAME, Counterpart(NAME)))
    for name in list(instrumentors(theirs)):
        setattr(theirs, name, ours)


def instrumentors(module: ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        # Not `isinstance`, which has Django's settings loaded.
        if issubclass(type(value), type) and issubclass(value, BaseInstrumentor) and value is not BaseInstrumentor:
            yield name


def expected() -> dict[str, str]:
    """The reasons by the tests' names, from the file on."""
    table = tomllib.loads(Path(__file__).with_name("expected.toml").read_text())
    return {test: table["reasons"][reason] for reason, tests in table.get(NAME, {}).items() for test in tests}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = expected()
    for item in items:
        name = item.nodeid.removeprefix("tests/").partition("[")[0]
        if name in reasons:
            item.add_marker(pytest.mark.xfail(reason=reasons[name], strict=True))
    there = {item.nodeid.removeprefix("tests/").partition("[")[0] for item in items}
    gone = sorted(reasons.keys() - there)
    if gone:
        raise pytest.UsageError(f"expected.toml names tests of {NAME} that are not there: {', '.join(gone)}")
