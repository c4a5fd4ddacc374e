"""The list of differences, its page, and the scenarios that show them."""

from __future__ import annotations

import importlib.metadata

import pytest

from parity import differences, documentation, running
from parity.differences import Listed

LISTED = differences.read()
SCENARIOS = running.scenarios()


@pytest.mark.parametrize("row", LISTED, ids=lambda row: row.title)
def test_each_difference_has_a_reason_and_a_scenario_that_shows_it(row: Listed) -> None:
    assert len(row.reason.split()) > 10
    assert row.shown_by in SCENARIOS


def test_no_title_stands_twice() -> None:
    assert len({row.title for row in LISTED}) == len(LISTED)


def test_the_page_of_differences_is_made_from_the_list() -> None:
    assert documentation.PAGE.read_text() == documentation.page(LISTED), "run `python -m parity --docs`"


def test_every_plugin_has_its_scenario_and_every_scenario_begins_with_its_plugin() -> None:
    entries = importlib.metadata.distribution("otel-dd-distro").entry_points
    # Middlewares are used by a line of the application's code: no instrumentor, and no entry point.
    plugins = {entry.name for entry in entries if entry.group == "opentelemetry_instrumentor"} | {"asgi", "wsgi"}

    assert plugins - set(SCENARIOS) == set()
    begun = {name for name in SCENARIOS for plugin in plugins if f"{name}_".startswith(f"{plugin}_")}
    assert set(SCENARIOS) - begun == {"shop"}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_a_scenario_says_what_it_is_about(scenario: running.Scenario) -> None:
    assert scenario.about.endswith(".")


def test_one_scenario_is_run_with_service_and_environment_set_and_one_without() -> None:
    named = {name for name, scenario in SCENARIOS.items() if "DD_SERVICE" in scenario.settings}

    assert named
    assert set(SCENARIOS) - named - {"shop"}


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"title": "a", "reason": "", "shown_by": "flask"}, "neither left_out, added nor fields"),
        ({"title": "a", "reason": "", "shown_by": "flask", "fields": ["b"], "spam": 1}, "unknown keys"),
    ],
)
def test_a_row_that_means_nothing_is_refused(table: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        differences.from_table(table)
