"""A pytest plugin: under the name of an instrumentor of opentelemetry-python-contrib stands ours.

CONTRIB names the package under test, as `flask`. What is expected to fail stands in expected.toml, with its reason; a
test of these that passes is a failure, too.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = "opentelemetry.instrumentation"
OURS = {
    "aiohttp_client": "aiohttp",
    "aiohttp_server": "aiohttp",
    "boto3sqs": "botocore",
    "kafka_python": "kafka",
    "mysql": "mysql_connector",
    "mysqlclient": "mysqldb",
    "psycopg2": "psycopg",
    "threading": "futures",
}
"""Our plugin for a package of theirs, where they are called differently."""

NAME = os.environ["CONTRIB"]


def instrumentors(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if issubclass(type(value), type) and issubclass(value, BaseInstrumentor) and value is not BaseInstrumentor
    ]


def pytest_configure(config: pytest.Config) -> None:
    ours: Any = importlib.import_module(f"otel_instrumentors.{OURS.get(NAME, NAME)}")
    (instrumentor,) = (
        value
        for name, value in vars(ours).items()
        if name.endswith("Instrumentor") and getattr(value, "__module__", "") == ours.__name__
    )
    theirs = importlib.import_module(f"{PACKAGE}.{NAME}")
    for name in instrumentors(theirs):
        setattr(theirs, name, instrumentor)
    for name in ours.SAME_NAMES if hasattr(ours, "SAME_NAMES") else ():
        setattr(theirs, name, getattr(ours, name))


def expected() -> dict[str, str]:
    """The reason by the test's name, from its file on."""
    table = tomllib.loads(Path(__file__).with_name("expected.toml").read_text())
    reasons = table["reasons"]
    return {test: reasons[reason] for reason, tests in table.get(NAME, {}).items() for test in tests}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    wanted = expected()
    for item in items:
        name = item.nodeid.removeprefix("tests/").partition("[")[0]
        reason = wanted.pop(name, None) or wanted.get(name.rpartition("::")[0]) or wanted.get(name.partition("::")[0])
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
