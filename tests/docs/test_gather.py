"""The pages of the site, as they are put together for Zensical."""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "docs" / "gather.py"))


def pages(nav: Any) -> Iterator[str]:
    """The paths that a navigation leads to."""
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from pages(entry)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site") / "docs"
    MADE["gather"](place)
    return place


def test_the_navigation_has_each_page_once_and_no_other(place: Path) -> None:
    """Those in folders are linked from pages: the instrumentations and the tables of the benchmarks."""
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert sorted(pages(nav)) == sorted(path.name for path in place.glob("*.md"))


def test_the_list_of_instrumentations_links_to_a_page_for_each(place: Path) -> None:
    links = re.findall(r"\(instrumentations/(\w+)\.md\)", (place / "instrumentations.md").read_text())
    assert sorted(set(links)) == sorted(path.stem for path in (place / "instrumentations").iterdir())


def test_what_was_there_before_is_gone(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("old")
    MADE["gather"](tmp_path)
    assert not (tmp_path / "old.md").exists()


def test_the_page_of_performance_is_the_section_of_the_readme(place: Path) -> None:
    page = (place / "performance.md").read_text()
    assert page.startswith("# Performance\n")
    assert "| a span of six attributes, delivered |" in page
    assert "## Work on it" not in page


def test_no_page_links_to_a_file_of_the_repository_that_is_not_in_the_site(place: Path) -> None:
    for page in place.rglob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"
