"""The generated page of instrumentations."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_instrumentations_is_made_from_the_catalogue_of_today() -> None:
    made = runpy.run_path(str(DOCS / "instrumentations.py"))["page"]()
    assert (DOCS / "instrumentations.md").read_text() == made, "run python docs/instrumentations.py"
