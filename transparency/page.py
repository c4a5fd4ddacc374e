"""docs/transparency.md: whose tests were run, and what came of it, made by a run of all of them."""

from __future__ import annotations

import json
import platform
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
otherwise, twice, for no reason listed here fails the run; so does a library of which no span came.
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


def write(results: Sequence[Result], listed: Sequence[Reason]) -> None:
    PLACE.write_text("".join(f"{each}\n" for each in lines(results, listed)))


def lines(results: Sequence[Result], listed: Sequence[Reason]) -> Iterator[str]:
    yield HEAD
    run = [result for result in results if result.bare is not None]
    pythons, days = ({getattr(result, name) for result in run} for name in ("python", "day"))
    yield f"Python {', '.join(sorted(pythons))}, {' to '.join(sorted({min(days), max(days)}))}.\n"
    yield "| Library | Tests, bare | Otherwise when traced | Spans, beside those around tests |"
    yield "|---|---|---|---|"
    for result in results:
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
        yield from (f"{number}. {each.library}: {each.reason}" for number, each in enumerate(listed, start=1))


def _outcomes(run: Run) -> str:
    counts = Counter(run.outcomes.values())
    return ", ".join(f"{counts[word]:,} {word}" for word in sorted(counts, key=lambda word: -counts[word]))
