"""Each variable that ddtrace or this project knows has an answer, and the right one where it is read here."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from otel_dd_distro import distro, settings
from otel_dd_distro.counterparts import catalogue, own_entry_points
from otel_dd_distro.doctor.elsewhere import ELSEWHERE
from otel_dd_distro.doctor.known import IN_FORCE, answer, middles
from otel_dd_distro.settings import PER_INSTRUMENTOR, VARIABLES
from otel_dd_distro.translate import Translator
from tests.otel_dd_distro.translate.spans import chunk, ours

ROOT = Path(__file__).parents[3]
REGISTRY = [
    line
    for line in Path(__file__).with_name("ddtrace-4.16.0-variables.txt").read_text().splitlines()
    if not line.startswith("#")
]
OWN = sorted({name for variable in VARIABLES for name in variable.names})


def test_the_list_of_ddtraces_variables_is_whole() -> None:
    assert len(REGISTRY) == len(set(REGISTRY)) == 844 + 128


@pytest.mark.parametrize("name", REGISTRY)
def test_each_variable_of_ddtrace_has_an_answer(name: str) -> None:
    found = answer(name)
    assert found is not None
    assert found.said


@pytest.mark.parametrize("name", OWN)
def test_what_is_in_the_table_of_settings_is_in_force(name: str) -> None:
    found = answer(name)
    assert found is not None
    assert (found.state, found.row is not None) == (IN_FORCE, True)


class Asked(dict[str, Any]):
    """Is empty, and keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[object] = set()

    def __contains__(self, name: object) -> bool:
        self.names.add(name)
        return False

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default


def test_the_names_of_instrumentors_in_variables_are_those_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {family.field: Asked() for family in PER_INSTRUMENTOR}
    current = settings.read({"DD_KAFKA_PROPAGATION_ENABLED": "true"})._replace(**asked)
    steps = [{"django.step": "cache"}, {"django.step": "statement", "db.driver.call": "execute"}]
    for attributes in steps:
        Translator(current).chunk(chunk(ours("django", attributes)), native_events=True)
    monkeypatch.setattr(settings, "current", lambda: current)
    monkeypatch.setattr(distro.DatadogDistro, "_load", lambda *arguments: None)
    monkeypatch.setattr(distro.wrapt, "register_post_import_hook", lambda *arguments: None)
    ours_alone = [entry for entry in own_entry_points() if entry.group == "opentelemetry_instrumentor"]
    for entry in ours_alone:
        distro.DatadogDistro().wants(entry)
    monkeypatch.setattr(distro.DatadogDistro, "wants", lambda *arguments: True)
    for entry in ours_alone:
        distro.DatadogDistro().load_instrumentor(entry)
    for field, names in middles().items():
        assert asked[field].names - {""} == names


NAME = re.compile(r"(DD|_DD|OTEL)_[A-Z0-9_]*[A-Z0-9]")


@pytest.mark.parametrize("half", ["src/otel_dd_distro", "instrumentations/otel_instrumentors"])
def test_each_variable_that_the_code_names_is_known(half: str) -> None:
    named = {
        node.value
        for path in (ROOT / half).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value)
    }
    assert len(named) >= 8
    assert {name for name in named if answer(name) is None} == {"OTEL_BLRP", "OTEL_BSP"} & named


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("DD_CELERY_WORKER_SERVICE", IN_FORCE),
        ("DD_CELERY_PRODUCER_SERVICE", IN_FORCE),
        ("DD_GRPC_SERVER_SERVICE", IN_FORCE),
        ("DD_GRPC_AIO_SERVER_SERVICE", IN_FORCE),
        ("DD_RQ_WORKER_SERVICE", IN_FORCE),
        ("DD_SQLITE_SERVICE", IN_FORCE),
        ("DD_SQLITE3_SERVICE", IN_FORCE),
        ("DD_MYSQL_SERVICE", IN_FORCE),
        ("DD_MYSQL_SERVICE_NAME", IN_FORCE),
        ("DD_DJANGO_CACHE_SERVICE", IN_FORCE),
        ("DD_DJANGO_DATABASE_SERVICE", IN_FORCE),
        ("DD_TRACE_MYSQL_ENABLED", IN_FORCE),
        ("DD_TRACE_KAFKA_ENABLED", IN_FORCE),
        ("OTEL_PYTHON_LOG_CORRELATION", IN_FORCE),
        ("OTEL_PYTHON_FLASK_EXCLUDED_URLS", IN_FORCE),
        ("OTEL_PYTHON_EXCLUDED_URLS", IN_FORCE),
        ("DD_FLASK_SERVCE", None),
        ("DD_TRACE_FLAKS_ENABLED", None),
        ("DD_LOGGING_SERVICE", "ddtrace 4.16 does not read it in applications"),
        ("DD_TRACE_AIOHTTP_CLIENT_ENABLED", "something else stands for it"),
        ("DD_TRACE_OPENAI_ENABLED", "no counterpart"),
        ("DD_APM_TRACING_ENABLED", "something else stands for it"),
    ],
)
def test_a_variable_is_told_by_its_name(name: str, state: str | None) -> None:
    found = answer(name)
    assert (found and found.state) == state


def test_an_instrumentor_of_another_package_is_switched_like_ours() -> None:
    found = answer("DD_TRACE_OPENAI_ENABLED", ["openai"])
    assert found is not None
    assert found.state == IN_FORCE


@pytest.mark.parametrize("family", ELSEWHERE, ids=lambda family: family.pattern[:40])
def test_each_pattern_is_needed(family: Any) -> None:
    known = [*REGISTRY, "DD_LOG_LEVEL", "DD_APM_CONFIG"]
    assert any(found.said == family.said for name in known if (found := answer(name)) is not None)


def test_a_library_that_is_covered_is_not_listed_as_one_that_is_not() -> None:
    uncovered = next(family.pattern for family in ELSEWHERE if "no instrumentor here" in family.said)
    assert [name for name in catalogue() if re.fullmatch(uncovered, f"DD_TRACE_{name.upper()}_ENABLED")] == []
