"""A pytest plugin: under the name of an instrumentor of opentelemetry-python-contrib stands ours.

CONTRIB names the package under test, as `flask`. What is expected to fail stands in expected.toml, with its reason; a
test of these that passes is a failure, too.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from contrib.counterparts import COUNTERPARTS, PACKAGE, Counterpart

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FUNCTIONS = {"aiohttp_client": ("create_trace_config",)}
"""Functions of theirs that ours has, too."""

IGNORED = {"botocore": ("test_botocore_bedrock.py", "test_aiobotocore_instrumentation.py")}
"""Files of tests of what is none of our plugin's: language models, and a library that another one is for."""

NOT_RUN = ("hangs", "parts")
RACES = ("early", "after")
"""Reasons that do not hold each time."""

NAME = os.environ["CONTRIB"]


def aliased(counterpart: Counterpart, name: str) -> type:
    """Our instrumentor in the place of theirs of that name, with those of its hooks that have a counterpart."""
    module: Any = importlib.import_module(f"otel_instrumentors.{counterpart.plugin}")
    (ours,) = (
        value
        for key, value in vars(module).items()
        if key.endswith("Instrumentor") and getattr(value, "__module__", "") == module.__name__
    )
    hooks = {
        watched: {path: hook for path, hook in paths.items() if not path.endswith(counterpart.without or ("\0",))}
        for watched, paths in ours.hooks.items()
        if watched.startswith(counterpart.modules.get(name, ""))
    }
    made = type(name, (ours,), {"hooks": hooks, "__module__": module.__name__})
    # What else the plugin has is of this one, too.
    setattr(module, ours.__name__, made)
    return made


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if collection_path.name in IGNORED.get(NAME, ()) else None


def pytest_configure() -> None:
    if find_spec("werkzeug") is not None:
        _close_responses()
    theirs = importlib.import_module(f"{PACKAGE}.{NAME}")
    for name in list(instrumentors(theirs)):
        setattr(theirs, name, aliased(COUNTERPARTS.get(NAME, Counterpart(NAME)), name))
    for name in FUNCTIONS.get(NAME, ()):
        setattr(theirs, name, getattr(importlib.import_module(f"otel_instrumentors.{COUNTERPARTS[NAME].plugin}"), name))


def _close_responses() -> None:
    """Let Werkzeug's test client close a response, as servers do: a request of ours ends with its body."""
    client: Any = importlib.import_module("werkzeug.test").Client
    opened = client.open

    def closed(self: Any, *args: Any, **kwargs: Any) -> Any:
        return opened(self, *args, **{**kwargs, "buffered": True})

    client.open = closed


def instrumentors(module: ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        # Not `isinstance`, which has Django's settings loaded.
        if issubclass(type(value), type) and issubclass(value, BaseInstrumentor) and value is not BaseInstrumentor:
            yield name


def expected() -> dict[str, pytest.MarkDecorator]:
    """How each test that is expected to fail is marked, by its name, from the file on."""
    table = tomllib.loads(Path(__file__).with_name("expected.toml").read_text())
    return {
        test: pytest.mark.xfail(reason=table["reasons"][kind], strict=kind not in RACES, run=kind not in NOT_RUN)
        for kind, tests in table.get(NAME, {}).items()
        for test in tests
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = expected()
    for item in items:
        name = _name(item)
        if name in reasons:
            item.add_marker(reasons[name])
    gone = sorted(reasons.keys() - set(map(_name, items)))
    if gone:
        raise pytest.UsageError(f"expected.toml names tests of {NAME} that are not there: {', '.join(gone)}")


def _name(item: pytest.Item) -> str:
    """The test's name, from the file on and without its parameters."""
    return item.nodeid.partition("[")[0].rpartition("tests/")[2]
