"""What the README and the other pages name is there: extras, instrumentors, commands."""

from __future__ import annotations

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_table_of_extras_has_each_of_them() -> None:
    table = README.partition("| Extra | Instruments |")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    extras = {extra.replace("-", "_") for extra in metadata("otel-dd-distro").get_all("Provides-Extra") or []}
    assert set(named) == extras - {"all"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_nox_that_a_page_names_are_there(page: Path) -> None:
    sessions = set(re.findall(r"^def (\w+)\(session: nox\.Session\)", (ROOT / "noxfile.py").read_text(), re.MULTILINE))
    for named in re.findall(r"nox -s ([a-z][a-z ]*)", page.read_text()):
        assert set(named.split()) <= sessions, named
