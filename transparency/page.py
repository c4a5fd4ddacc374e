"""docs/transparency.md: whose tests were run, and what came of it, made by a run of all of them."""

from __future__ import annotations

import json
import platform
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import reasons
from .libraries import Library
from .reasons import Difference, Reason
from .running import Run

PLACE = Path(__file__).parents[1] / "docs" / "transparency.md"

HEAD = """# Libraries' own tests, traced

Made by `nox -s transparency`: the tests of each library, from its source distribution, are run in one environment, bare
and under `python -m otel_dd_distro` with a span around each test, and compared test by test. A test that comes out
otherwise, twice, for no reason listed here fails the run; so does a library of which no span came. Of large suites
(Django's, botocore's, SQLAlchemy's and others) a part is run, which `transparency/libraries.toml` names.
"""


KEPT = "results"
"""The folder, where environments and sources are, that holds what came of each library's latest run."""


@dataclass(frozen=True)
class Result:
    library: Library
    version: str = ""
    bare: Run | None = None
    traced: Run | None = None
    differences: Sequence[Difference] = field(default_factory=list)
    unexplained: Sequence[Difference] = field(default_factory=list)
    failure: str = ""
    python: str = field(default_factory=platform.python_version)
    day: str = field(default_factory=lambda: f"{datetime.now(timezone.utc):%Y-%m-%d}")

    @property
    def is_good(self) -> bool:
        return not self.failure and not self.unexplained


def line(result: Result) -> str:
    """What came of a library, for the terminal."""
    name = result.library.name
    if result.bare is None or result.traced is None:
        return f"{name}: not run: {result.failure or result.library.why_not}"
    return (
        f"{name} {result.version}: {_outcomes(result.bare)}; {len(result.unexplained)} come out otherwise traced,"
        f" {len(result.differences) - len(result.unexplained)} as listed; {result.traced.of_tests} spans around tests,"
        f" {result.traced.of_library} others; {result.bare.seconds:.0f} s bare, {result.traced.seconds:.0f} s traced"
    )


def keep(result: Result, place: Path) -> None:
    """Keep what came of a run, for the page."""
    file = place / KEPT / f"{result.library.name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**asdict(result), "library": result.library.name}))


def kept(libraries: Mapping[str, Library], place: Path) -> list[Result]:
    """What came of the latest run of each library, in their order; without those that were never run."""
    files = {name: place / KEPT / f"{name}.json" for name in libraries}
    return [_from_json(json.loads(file.read_text()), libraries) for file in files.values() if file.exists()]


def _from_json(told: dict[str, Any], libraries: Mapping[str, Library]) -> Result:
    runs = {side: Run(**told[side]) if told[side] else None for side in ("bare", "traced")}
    differences = {name: [Difference(**each) for each in told[name]] for name in ("differences", "unexplained")}
    return Result(**{**told, **runs, **differences, "library": libraries[told["library"]]})


@dataclass(frozen=True)
class Former:
    """A page as it was made of runs elsewhere: its rows, to stand for libraries that were never run here."""

    rows: Mapping[str, str] = field(default_factory=dict)
    """By library, without the name and without the numbers of reasons, which are `{}`."""
    reasons: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By library, the reasons that its row has numbers of, as the page words them."""
    pythons: frozenset[str] = frozenset()
    days: frozenset[str] = frozenset()


def former(text: str) -> Former:
    """What `lines` has written."""
    worded = dict(re.findall(r"^(\d+)\. (.+)$", text, re.MULTILINE))
    rows, told = {}, {}
    for row in text.splitlines():
        found = re.fullmatch(r"\| (?P<library>[\w.]+)(?: [\d.]+)? \|.*\|", row)
        if found and "not run yet" not in row and found["library"] != "Library":
            numbers = re.search(r"\| \d+ \(([\d, ]+)\)", row)
            told[found["library"]] = [worded[number] for number in numbers[1].split(", ")] if numbers else []
            rows[found["library"]] = row.replace(f"({numbers[1]})", "({})") if numbers else row
    made = re.search(r"^Python ([\d., ]+), (\S+)(?: to (\S+))?\.$", text, re.MULTILINE)
    if made is None:
        return Former(rows, told)
    days = frozenset(day for day in made.groups()[1:] if day)
    return Former(rows, told, frozenset(made[1].split(", ")), days)


def write(results: Sequence[Result], listed: Sequence[Reason]) -> None:
    before = former(PLACE.read_text()) if PLACE.exists() else Former()
    PLACE.write_text("".join(f"{each}\n" for each in lines(results, listed, before)))


def lines(results: Sequence[Result], listed: Sequence[Reason], before: Former = Former()) -> Iterator[str]:
    """`before` has the rows of the libraries of which there is no result."""
    yield HEAD
    run = [result for result in results if result.bare is not None]
    pythons, days = {result.python for result in run}, {result.day for result in run}
    if any(_is_taken_over(result, before) for result in results):
        pythons, days = pythons | before.pythons, days | before.days
    yield f"Python {', '.join(sorted(pythons))}, {' to '.join(sorted({min(days), max(days)}))}.\n"
    yield "| Library | Tests, bare | Otherwise when traced | Spans, beside those around tests |"
    yield "|---|---|---|---|"
    worded = [f"{each.library}: {each.reason}" for each in listed]
    for result in results:
        if _is_taken_over(result, before):
            taken = [str(worded.index(each) + 1) for each in before.reasons[result.library.name] if each in worded]
            yield before.rows[result.library.name].replace("{}", ", ".join(taken))
            continue
        name = f"{result.library.name} {result.version}".strip()
        if result.bare is None or result.traced is None:
            why = f"not run: {result.library.why_not or 'it failed'}"
            never = not (result.library.why_not or result.failure)
            yield f"| {name} | {'not run yet' if never else why} | | |"
            continue
        numbers = [number for number, each in enumerate(listed, start=1) if any(map(each.explains, result.differences))]
        told = [f"{len(result.differences)} ({', '.join(map(str, numbers))})"] if result.differences else ["none"]
        unexplained = len(reasons.unexplained(result.differences, listed))
        told += [f"**{unexplained} for no listed reason**"] if unexplained else []
        spans = "none are made of it" if result.library.makes_none else f"{result.traced.of_library:,}"
        yield f"| {name} | {_outcomes(result.bare)} | {', '.join(told)} | {spans} |"
    if listed:
        yield "\n## Reasons\n"
        yield from (f"{number}. {each}" for number, each in enumerate(worded, start=1))


def _is_taken_over(result: Result, before: Former) -> bool:
    was_run = result.bare is not None or result.failure or result.library.why_not
    return not was_run and result.library.name in before.rows


def _outcomes(run: Run) -> str:
    counts = Counter(run.outcomes.values())
    return ", ".join(f"{counts[word]:,} {word}" for word in sorted(counts, key=lambda word: -counts[word]))
