"""Puts the pages of the site together in build/docs: the files of docs/, those of the root, and what is made of others.

`nox -s docs` runs it before Zensical, which builds `site/` from them.
"""

from __future__ import annotations

import re
import runpy
import shutil
from collections.abc import Iterable
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PLACE = ROOT / "build" / "docs"

MEASURED = "## How it compares"
"""The section of the README that is the page of performance; `nox -s bench` writes its table."""

PAGES = {"../README.md#how-it-compares": "performance.md", "../CONTRIBUTING.md": "contributing.md"}
"""Where links that leave docs/, for readers on GitHub, lead in the site."""


def gather(place: Path) -> None:
    """Writes all pages to a folder, which is emptied first."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(DOCS, place, ignore=shutil.ignore_patterns("*.py", "*.json", "__pycache__"))
    for page in place.glob("*.md"):
        page.write_text(with_made_pages(page.read_text()))
    each = runpy.run_path(str(DOCS / "each_instrumentation.py"))["pages"]()
    listed = place / "instrumentations.md"
    listed.write_text(linked(listed.read_text(), each))
    for name, text in {**made(), **{f"instrumentations/{name}.md": text for name, text in each.items()}}.items():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    shutil.copytree(ROOT / "benchmarks" / "results", place / "results")


def made() -> dict[str, str]:
    """The pages that are no files of docs/, by their paths in the site."""
    return {
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(),
        "changelog.md": in_the_site((ROOT / "CHANGELOG.md").read_text()),
        "performance.md": performance((ROOT / "README.md").read_text()),
    }


def linked(table: str, names: Iterable[str]) -> str:
    """The table of instrumentations, each name in its first column a link to the page of its own."""
    for name in names:
        table = re.sub(rf"^\| `{name}` \|", f"| [`{name}`](instrumentations/{name}.md) |", table, flags=re.MULTILINE)
    return table


def performance(readme: str) -> str:
    """What the README says of performance."""
    section = readme.partition(f"{MEASURED}\n")[2].partition("\n## ")[0]
    return f"# Performance\n{in_the_site(section)}\n"


def with_made_pages(words: str) -> str:
    """With the links of a file of docs/ as they are in the site."""
    for link, page in PAGES.items():
        words = words.replace(f"]({link})", f"]({page})")
    return words


def in_the_site(words: str) -> str:
    """With the links of a file at the root of the repository as they are in the site."""
    return re.sub(r"\]\((?:docs/|benchmarks/(?=results/))", "](", words)


if __name__ == "__main__":
    gather(PLACE)
