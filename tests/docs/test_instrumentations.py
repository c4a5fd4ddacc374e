"""The generated page of instrumentations."""

from __future__ import annotations

import runpy
from pathlib import Path

from otel_instrumentors.kernel import versions

DOCS = Path(__file__).parents[2] / "docs"
MADE = runpy.run_path(str(DOCS / "instrumentations.py"))


def test_the_page_of_instrumentations_is_made_from_the_catalogue_of_today() -> None:
    assert (DOCS / "instrumentations.md").read_text() == MADE["page"](), "run python docs/instrumentations.py"


def test_every_plugin_is_tested_on_an_oldest_release() -> None:
    ranges = {entry.name: versions.supported(entry.name) for entry in MADE["catalogue"]()}
    assert [name for name, lines in ranges.items() if lines and not MADE["tested"](name, lines)] == []


def test_reasons_are_given_for_those_alone_that_are_not_tested_from_the_beginning_of_their_range() -> None:
    ranges = {entry.name: versions.supported(entry.name) for entry in MADE["catalogue"]()}
    late = {
        name
        for name, lines in ranges.items()
        for _, begin, oldest in MADE["tested"](name, lines)
        if not MADE["reaches"](oldest, begin)
    }
    assert set(MADE["TOOL"]["unreachable"]) == late
