"""The generated page of ddtrace's variables."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "variables_of_ddtrace.py"))


def test_the_page_is_made_from_what_the_doctor_says_today(made: dict[str, Any]) -> None:
    page = (DOCS / "variables-of-ddtrace.md").read_text()
    assert page == made["page"](), "run: python docs/variables_of_ddtrace.py"


def test_each_variable_of_the_registry_is_on_the_page(made: dict[str, Any]) -> None:
    page = made["page"]()
    named = set(re.findall(r"`([A-Z_0-9<>-]+)`", page))
    for line in page.splitlines():
        for families, middles in re.findall(r"((?:`[^`]*<NAME>[^`]*`(?:, )?)+) for ((?:`[A-Z0-9_]+`(?:, )?)+)", line):
            for family in re.findall(r"`([^`]+)`", families):
                named |= {family.replace("<NAME>", middle) for middle in re.findall(r"`([^`]+)`", middles)}
    assert set(made["registry"]()) - named == set()
