"""The generated page of variables."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from otel_dd_distro.settings import PER_INSTRUMENTOR, UPSTREAM, VARIABLES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "configuration.py"))


def test_the_page_is_made_from_the_settings_of_today(made: dict[str, Any]) -> None:
    assert (DOCS / "configuration.md").read_text() == made["page"](), "run: python docs/configuration.py"


def test_each_variable_is_on_the_page_with_its_type(made: dict[str, Any]) -> None:
    rows = {line for line in made["page"]().splitlines() if line.startswith("| `")}
    assert len(rows) == len(VARIABLES) + len(PER_INSTRUMENTOR) + len(UPSTREAM)
    for line in rows:
        assert all(line.split(" | ")[:2]), line


@pytest.mark.parametrize(
    ("name", "twins"),
    [
        ("DD_SERVICE", ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"]),
        ("DD_ENV", ["OTEL_RESOURCE_ATTRIBUTES"]),
        ("DD_TRACE_ENABLED", ["OTEL_TRACES_EXPORTER"]),
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", ["OTEL_PROPAGATORS"]),
        ("DD_TRACE_DEBUG", ["OTEL_LOG_LEVEL"]),
        ("DD_TRACE_SAMPLE_RATE", ["OTEL_TRACES_SAMPLER"]),
        ("OTEL_DD_LIGHT_TRACER", []),
        ("DD_TRACE_REPORT_HOSTNAME", []),
    ],
)
def test_opentelemetrys_names_stand_after_datadogs(made: dict[str, Any], name: str, twins: list[str]) -> None:
    variable = next(variable for variable in VARIABLES if name in variable.names)
    assert made["told_apart"](variable.names, variable.meaning)[1] == twins
