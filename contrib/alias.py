"""A pytest plugin: under the name of an instrumentor of opentelemetry-python-contrib stands ours.

CONTRIB names the package under test, as `flask`. What is expected to fail stands in expected.toml, with its reason; a
test of these that passes is a failure, too. What came of the tests is left in the folder CONTRIB_RESULTS.
"""

from __future__ import annotations

import functools
import importlib
import os
import unittest
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.instrumentation.propagators import set_global_response_propagator
from opentelemetry.test.test_base import TestBase

from contrib import results
from contrib.counterparts import COUNTERPARTS, PACKAGE, Counterpart
from otel_dd_distro.counterparts import catalogue
from otel_instrumentors.kernel.scope import Scope

FUNCTIONS = {
    "aiohttp_client": ("create_trace_config",),
    "asgi": ("OpenTelemetryMiddleware",),
    "grpc": ("aio_client_interceptors", "aio_server_interceptor", "client_interceptor", "server_interceptor"),
    "wsgi": ("OpenTelemetryMiddleware",),
}
"""Functions and classes of theirs that ours has, too, beside instrumentors."""

IGNORED = {"botocore": ("test_botocore_bedrock.py", "test_aiobotocore_instrumentation.py")}
"""Files of tests of what is none of our plugin's: language models, and a library that another one is for."""

OURS = "otel_instrumentors"
NOT_RUN = ("hangs",)
RACES = ("early", "after")
"""Reasons that do not hold each time."""

DISTRIBUTIONS = {"kafka": "kafka_python"}
"""What their distributions are named after, where that is not the module."""

NAME = os.environ["CONTRIB"]


def aliased(counterpart: Counterpart, name: str, *, is_only_one: bool) -> type:
    """Our instrumentor in the place of theirs of that name, with those of its hooks that have a counterpart."""
    plugin = counterpart.plugins.get(name, counterpart.plugin)
    module: Any = importlib.import_module(f"otel_instrumentors.{plugin}")
    ours = getattr(module, catalogue()[plugin].rpartition(":")[2])
    hooks = {
        watched: {path: hook for path, hook in paths.items() if not path.endswith(counterpart.without or ("\0",))}
        for watched, paths in ours.hooks.items()
        if watched.startswith(counterpart.modules.get(name, ""))
    }
    # Each has the one instance of its own, also where ours has one already.
    made = _Noting(name, (ours,), {"hooks": hooks, "__module__": module.__name__, "_instance": None})
    if is_only_one:
        # What else the plugin has is of this one, too.
        setattr(module, ours.__name__, made)
    return made


class _Noting(type(BaseInstrumentor)):  # type: ignore[misc]
    """The type of our instrumentors here: notes that a test has used one."""

    def __getattribute__(cls, name: str) -> Any:
        if not name.startswith("_"):
            _note()
        return super().__getattribute__(name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        _note()
        return super().__call__(*args, **kwargs)


def _noting(function: Any) -> Any:
    @functools.wraps(function)
    def noting(*args: Any, **kwargs: Any) -> Any:
        _note()
        return function(*args, **kwargs)

    return noting


_used: set[str] = set()
"""The tests that have used something of ours; what else passes is about the inside of contrib."""
_running = ""


def _note() -> None:
    _used.add(_running)


def pytest_runtest_logstart(nodeid: str) -> None:
    global _running
    _running = nodeid


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if collection_path.name in IGNORED.get(NAME, ()) else None


def pytest_configure() -> None:
    if find_spec("werkzeug") is not None:
        _close_responses()
    theirs = importlib.import_module(f"{PACKAGE}.{NAME}")
    names = list(instrumentors(theirs))
    for name in names:
        setattr(theirs, name, aliased(_counterpart(), name, is_only_one=len(names) == 1))
    for name in FUNCTIONS.get(NAME, ()):
        ours = getattr(importlib.import_module(f"otel_instrumentors.{_counterpart().plugin}"), name)
        if isinstance(ours, type):
            ours.__init__ = _noting(ours.__init__)  # type: ignore[misc]
        setattr(theirs, name, ours if isinstance(ours, type) else _noting(ours))
    # What was instrumented once for several tests is used by each that has a span of it.
    Scope.open = _noting(Scope.open)  # type: ignore[method-assign]
    _take_ours_for_theirs()
    # A part of a test that fails fails the test: else pytest counts it apart, and no mark is for it.
    unittest.TestCase.subTest = lambda self, *args, **kwargs: nullcontext()  # type: ignore[method-assign]


def _take_ours_for_theirs() -> None:
    """Let tests that name the instrumentation scope find what is of ours: that is the alias, too."""
    metrics_of, assert_scope = TestBase.get_sorted_metrics, TestBase.assertEqualSpanInstrumentationScope

    def metrics_of_ours(self: Any, scope: str | None = None) -> Any:
        return metrics_of(self, scope and OURS)

    def assert_scope_of_ours(self: Any, span: Any, module: ModuleType) -> None:
        name = f"{OURS}.{_counterpart().plugin}" if module.__name__.startswith(PACKAGE) else module.__name__
        assert_scope(self, span, SimpleNamespace(__name__=name, __version__=span.instrumentation_scope.version))

    TestBase.get_sorted_metrics = metrics_of_ours
    TestBase.assertEqualSpanInstrumentationScope = assert_scope_of_ours


def pytest_runtest_setup() -> None:
    # What a test that failed half-way has left.
    set_global_response_propagator(None)


def _counterpart() -> Counterpart:
    return COUNTERPARTS.get(NAME, Counterpart(NAME))


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    listed = results.expected()
    kinds = listed.tests.get(NAME, {})
    for item in items:
        kind = kinds.get(_name(item.nodeid))
        if kind is not None:
            reason, is_run = listed.reasons[kind], kind not in NOT_RUN
            item.add_marker(pytest.mark.xfail(reason=reason, strict=kind not in RACES, run=is_run))
    gone = sorted(kinds.keys() - {_name(item.nodeid) for item in items})
    if gone:
        raise pytest.UsageError(f"expected.toml names tests of {NAME} that are not there: {', '.join(gone)}")


_reports: dict[str, list[pytest.TestReport]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _reports.setdefault(report.nodeid, []).append(report)


def pytest_sessionfinish() -> None:
    """Leave what came of the tests to `contrib.results`."""
    kinds = results.expected().tests.get(NAME, {})
    came = {test: _outcome(reports) for test, reports in _reports.items()}
    came |= {test: "theirs" for test, word in came.items() if word == "passed" and test not in _used}
    by_outcome = {word: [test for test, outcome in came.items() if outcome == word] for word in _OUTCOMES}
    # Of those that are expected to fail, some kinds do not do so each time.
    listed = [test for test in (*by_outcome["expected"], *by_outcome["passed"]) if _name(test) in kinds]
    results.Result(
        NAME,
        version(f"opentelemetry-instrumentation-{DISTRIBUTIONS.get(NAME, NAME)}"),
        passed=len([test for test in by_outcome["passed"] if _name(test) not in kinds]),
        skipped=len(by_outcome["skipped"]),
        theirs=len(by_outcome["theirs"]),
        failed=sorted(map(_name, by_outcome["failed"])),
        expected=Counter(kinds[_name(test)] for test in listed),
        why={_name(test): _said(_reports[test]) for test in (*listed, *by_outcome["failed"])},
    ).write(Path(os.environ["CONTRIB_RESULTS"]))


_OUTCOMES = ("failed", "expected", "skipped", "passed", "theirs")
"""What comes of a test, the worst first: it has several reports."""


def _outcome(reports: list[pytest.TestReport]) -> str:
    words = {"expected" if hasattr(report, "wasxfail") else report.outcome for report in reports}
    return next(word for word in _OUTCOMES if word in words)


def _said(reports: list[pytest.TestReport]) -> str:
    crashes = [getattr(report.longrepr, "reprcrash", None) for report in reports]
    return next((crash.message[:2000] for crash in crashes if crash is not None), "")


def _name(test: str) -> str:
    """The test's name, from the file on and without its parameters."""
    return test.partition("[")[0].rpartition("tests/")[2]
