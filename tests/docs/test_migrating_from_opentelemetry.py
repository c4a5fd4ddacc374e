"""The page for those who come from OpenTelemetry names what our instrumentors offer."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from otel_instrumentors.kernel.options import Options

PAGE = Path(__file__).parents[2] / "docs" / "migrating-from-opentelemetry.md"
OPTIONS: dict[str, Options] = {
    entry.name: entry.load().options
    for entry in entry_points(group="opentelemetry_instrumentor")
    if entry.value.startswith("otel_instrumentors.")
}
OWN = {"propagate", "inject", "captured_request", "captured_response"}
"""Keywords that are ours: of the base class, and those that others are translated into."""


@pytest.mark.parametrize("plugin", OPTIONS)
def test_every_option_of_an_instrumentor_is_on_the_page(plugin: str) -> None:
    named = set(re.findall(r"\w+", PAGE.read_text()))
    assert OPTIONS[plugin].names() - named - OWN == set()
