"""The pages of instrumentations, and the recorded examples on them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from otel_dd_distro.translate.names import PLUGINS

DOCS = Path(__file__).parents[2] / "docs"
MADE = runpy.run_path(str(DOCS / "each_instrumentation.py"))
RECORDING = runpy.run_path(str(DOCS / "record_examples.py"))
PAGES: dict[str, str] = MADE["pages"]()
WITHOUT_SERVERS = ("bottle", "falcon", "flask", "jinja2", "mako", "requests", "sqlite3", "starlette")
"""Some whose example needs nothing but the library: what they record is what was recorded."""


def blocks(page: str) -> list[Any]:
    """The spans that a page shows, in turns as OpenTelemetry and as Datadog sees them."""
    return [json.loads(part.partition("```")[0]) for part in page.split("```json\n")[1:]]


@pytest.mark.parametrize("plugin", WITHOUT_SERVERS)
def test_an_example_is_what_the_use_records_today(plugin: str) -> None:
    assert RECORDING["recorded"](plugin) == MADE["EXAMPLES"][plugin], f"run: python docs/record_examples.py {plugin}"


def test_a_page_shows_each_hook() -> None:
    for entry in MADE["LIST"]["catalogue"]():
        for module, functions in entry.load().hooks.items():
            for path in functions:
                assert f"| `{module}` | `{path}` | " in PAGES[entry.name]


def test_a_hook_that_wraps_another_is_shown_with_it() -> None:
    assert "| `flask.app` | `Flask.wsgi_app` | `warn_of_bound`, `families.wsgi` |" in PAGES["flask"]
    assert "\n- `families.wsgi`: WSGI applications" in PAGES["flask"]


@pytest.mark.parametrize("plugin", PAGES)
def test_a_page_has_an_example_unless_there_are_no_spans(plugin: str) -> None:
    shown = blocks(PAGES[plugin])
    if plugin not in PLUGINS:
        assert shown == []
        assert "It makes no spans." in PAGES[plugin]
    else:
        assert shown
        assert all("attributes" in span for span in shown[::2])
        assert all({"name", "service", "resource"} <= span.keys() for span in shown[1::2])


def test_of_spans_that_are_alike_an_example_shows_the_first() -> None:
    assert len(MADE["EXAMPLES"]["molten"]) == 8
    neutral, seen = blocks(PAGES["molten"])
    assert (neutral["name"], seen["name"]) == ("GET /item/{number}", "molten.request")
    assert "records 8 spans of this form." in PAGES["molten"]


def test_an_example_is_shown_as_datadog_names_it() -> None:
    neutral, seen = blocks(PAGES["flask"])
    assert neutral["attributes"]["http.route"] == seen["meta"]["http.route"]
    assert (seen["name"], seen["service"], seen["resource"]) == ("flask.request", "shop", neutral["name"])


def test_each_difference_of_a_library_is_linked_from_its_page() -> None:
    own = [row for row in MADE["DIFFERENCES"] if row["shown_by"] == "redis"]
    assert own
    assert all(f"[{row['title']}](../differences.md#" in PAGES["redis"] for row in own)
