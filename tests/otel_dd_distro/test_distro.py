"""Which instrumentors are loaded."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.instrumentation.dependencies import DependencyConflict, DependencyConflictError

from otel_dd_distro import distro, settings
from otel_dd_distro.distro import DatadogDistro


class Entry:
    """An entry point as the upstream loader passes it, and what it names."""

    is_instrumented_by_opentelemetry = False

    dist = None
    group = "opentelemetry_instrumentor"

    def __init__(self, name: str, value: str, fails_with: Exception | None = None) -> None:
        self.name = name
        self.value = value
        self.instrumented: list[dict[str, Any]] = []
        self._fails_with = fails_with

    def load(self) -> Any:
        return lambda: self

    def instrument(self, **kwargs: Any) -> None:
        if self._fails_with is not None:
            raise self._fails_with
        self.instrumented.append(kwargs)


OURS = ("flask", "otel_instrumentors.flask:FlaskInstrumentor")
THEIRS = ("flask", "opentelemetry.instrumentation.flask:FlaskInstrumentor")
OTHER = ("tortoise", "opentelemetry.instrumentation.tortoiseorm:TortoiseORMInstrumentor")
MADE_UP = "a_library_that_nobody_has"


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    settings.current.cache_clear()
    yield monkeypatch
    settings.current.cache_clear()


@pytest.fixture(autouse=True)
def _the_libraries_are_imported() -> None:
    import flask  # noqa: F401
    import requests  # noqa: F401


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A library that can be imported and has not been; ours of Flask waits for it."""
    (tmp_path / f"{MADE_UP}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(distro, "libraries_of", lambda name: (MADE_UP, "another_one") if name == "flask" else (name,))
    yield MADE_UP
    sys.modules.pop(MADE_UP, None)


def loaded(*entry: Any, **options: Any) -> bool:
    made = Entry(*entry, **options)
    DatadogDistro().load_instrumentor(made, skip_dep_check=True)  # type: ignore[arg-type]
    return made.instrumented == [{"skip_dep_check": True}]


def test_ours_goes_before_another_of_the_same_name(environ: pytest.MonkeyPatch) -> None:
    assert loaded(*OURS)
    assert not loaded(*THEIRS)


def test_ours_is_loaded_when_its_library_is_imported(environ: pytest.MonkeyPatch, library: str) -> None:
    environ.setenv("DD_FLASK_DISTRIBUTED_TRACING", "false")
    made = Entry(*OURS)
    DatadogDistro().load_instrumentor(made, skip_dep_check=True)  # type: ignore[arg-type]
    assert made.instrumented == []
    importlib.import_module(library)
    assert made.instrumented == [{"skip_dep_check": True, "propagate": False}]


def test_one_that_the_application_was_faster_with_is_left_at_that(environ: pytest.MonkeyPatch, library: str) -> None:
    made = Entry(*OURS)
    DatadogDistro().load_instrumentor(made)  # type: ignore[arg-type]
    made.is_instrumented_by_opentelemetry = True
    importlib.import_module(library)
    assert made.instrumented == []


@pytest.mark.parametrize("error", [RuntimeError("broken"), ImportError("broken")])
def test_one_that_fails_late_does_not_fail_the_import(
    environ: pytest.MonkeyPatch, library: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    DatadogDistro().load_instrumentor(Entry(*OURS, fails_with=error))  # type: ignore[arg-type]
    importlib.import_module(library)
    assert [record.getMessage() for record in caplog.records] == [
        f"Instrumentor flask failed and is skipped: {type(error).__name__}: broken"
    ]


@pytest.mark.parametrize(
    ("name", "libraries"),
    [("flask", {"flask"}), ("mysqldb", {"MySQLdb"}), ("psycopg", {"psycopg", "psycopg2"})],
)
def test_the_catalogue_says_which_libraries_a_plugin_is_for(name: str, libraries: set[str]) -> None:
    assert set(distro.libraries_of(name)) == libraries


def test_others_are_left_alone(environ: pytest.MonkeyPatch) -> None:
    assert loaded(*OTHER)


@pytest.mark.parametrize(
    "variables",
    [
        {"DD_TRACE_FLASK_ENABLED": "false"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "sqlite3, flask"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
        {"DD_TRACE_ENABLED": "false"},
        {"OTEL_SDK_DISABLED": "true"},
    ],
)
def test_what_is_switched_off_is_not_loaded(environ: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        environ.setenv(name, value)
    assert not loaded(*OURS)
    assert not loaded(*THEIRS)


@pytest.mark.parametrize("enabled", ["", "true", "false"])
def test_tornado_is_traced_unless_it_is_switched_off(environ: pytest.MonkeyPatch, enabled: str) -> None:
    """ddtrace traces it only where asked."""
    import tornado  # noqa: F401

    environ.setenv("DD_TRACE_TORNADO_ENABLED", enabled)
    made = Entry("tornado", "otel_instrumentors.tornado:TornadoInstrumentor")
    DatadogDistro().load_instrumentor(made)  # type: ignore[arg-type]
    assert bool(made.instrumented) is (enabled != "false")


def test_one_that_is_not_to_propagate_is_told_so(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("DD_FLASK_DISTRIBUTED_TRACING", "false")
    made = Entry(*OURS)
    DatadogDistro().load_instrumentor(made)  # type: ignore[arg-type]
    assert made.instrumented == [{"propagate": False}]
    assert loaded("requests", "otel_instrumentors.requests:RequestsInstrumentor")
    environ.setenv("DD_TORTOISE_DISTRIBUTED_TRACING", "false")
    settings.current.cache_clear()
    assert loaded(*OTHER)  # which would not know what to do with it


def test_one_whose_clients_are_not_to_propagate_is_told_so(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("DD_FLASK_CLIENT_DISTRIBUTED_TRACING", "false")
    made = Entry(*OURS)
    DatadogDistro().load_instrumentor(made)  # type: ignore[arg-type]
    assert made.instrumented == [{"inject": False}]


def test_one_that_fails_keeps_nobody_from_the_next_and_is_said(
    environ: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert not loaded(*OTHER, fails_with=RuntimeError("no such hook"))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "Instrumentor tortoise failed and is skipped: RuntimeError: no such hook")
    ]


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("absent"), DependencyConflictError(DependencyConflict("tortoise-orm>=0.17"))]
)
def test_what_the_upstream_loader_knows_to_say_it_says(
    environ: pytest.MonkeyPatch, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(type(error)):
        loaded(*OTHER, fails_with=error)
    assert caplog.records == []


def test_an_instrumentor_of_what_ours_watches_is_left_out_unless_ours_is_switched_off(
    environ: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distro, "own", lambda entry_point: "requests")
    theirs = ("requests-of-somebody", "somebody.elses:Instrumentor")
    assert not loaded(*theirs)
    settings.current.cache_clear()
    environ.setenv("DD_TRACE_REQUESTS_ENABLED", "false")
    assert loaded(*theirs)


URLLIB3 = ("urllib3", "otel_instrumentors.urllib3:Urllib3Instrumentor")
THEIR_URLLIB3 = ("urllib3", "opentelemetry.instrumentation.urllib3:URLLib3Instrumentor")


@pytest.mark.parametrize(
    ("variables", "is_instrumented", "is_by_its_own_entry_point"),
    [
        ({}, True, False),
        ({"DD_TRACE_URLLIB3_ENABLED": "true"}, False, True),
        ({"DD_TRACE_URLLIB3_ENABLED": "false"}, False, False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "urllib3"}, False, False),
        ({"DD_TRACE_ENABLED": "false"}, False, False),
    ],
)
def test_one_of_ours_that_is_off_by_default_is_on_where_somebody_elses_is_installed(
    variables: dict[str, str],
    is_instrumented: bool,
    is_by_its_own_entry_point: bool,
    environ: pytest.MonkeyPatch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever has OpenTelemetry's installed has spans of urllib3, and goes on having them: by ours."""
    import urllib3  # noqa: F401

    for name, value in variables.items():
        environ.setenv(name, value)
    ours, theirs = Entry(*URLLIB3), Entry(*THEIR_URLLIB3)
    monkeypatch.setattr(distro, "own_entry_points", lambda: (ours,))
    DatadogDistro().load_instrumentor(theirs)  # type: ignore[arg-type]
    assert (bool(ours.instrumented), theirs.instrumented) == (is_instrumented, [])
    assert loaded(*URLLIB3) is is_by_its_own_entry_point


@pytest.mark.parametrize("sends_logs", [True, False])
def test_what_sends_log_records_is_loaded_beside_ours_where_they_are_sent(
    sends_logs: bool, environ: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distro, "_sends_logs", lambda: sends_logs)
    theirs = Entry("logging", "opentelemetry.instrumentation.logging:LoggingInstrumentor")
    DatadogDistro().load_instrumentor(theirs)  # type: ignore[arg-type]
    # The format, and the fields of records, are ours to make.
    only_sending = {"set_logging_format": False, "inject_trace_context": False}
    assert theirs.instrumented == ([only_sending] if sends_logs else [])
    environ.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "structlog")
    settings.current.cache_clear()
    assert not loaded("structlog", "opentelemetry.instrumentation.structlog:StructlogInstrumentor")


def test_log_records_are_sent_where_there_is_a_provider_of_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry import _logs
    from opentelemetry.sdk._logs import LoggerProvider

    assert not distro._sends_logs()
    monkeypatch.setattr(_logs, "get_logger_provider", LoggerProvider)
    assert distro._sends_logs()


def test_what_ours_does_not_support_is_left_to_somebody_elses(
    environ: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distro, "support", lambda entry_point: entry_point.name != "flask")
    assert loaded(*THEIRS)
    assert not loaded("requests", "opentelemetry.instrumentation.requests:RequestsInstrumentor")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [("aiohttp-client", True), ("aiohttp-client, aiohttp-server", False), ("aiohttp", False), ("grpc_client", True)],
)
def test_ours_is_switched_off_by_all_the_names_that_opentelemetry_has_for_it(
    names: str, wanted: bool, environ: pytest.MonkeyPatch
) -> None:
    environ.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", names)
    entry: Any = Entry("aiohttp", "otel_instrumentors.aiohttp:AiohttpInstrumentor")
    assert DatadogDistro().wants(entry) is wanted
