"""docs/transparency.md: whose tests were run, and what came of it, made by a run of all of them."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from .libraries import Library
from .reasons import Difference, Reason
from .running import Run

PLACE = Path(__file__).parents[1] / "docs" / "transparency.md"

HEAD = """# Libraries' own tests, traced

Made by `nox -s transparency`: the tests of each library, from its source distribution, are run in one environment, bare
and under `python -m otel_dd_distro` with a span around each test, and compared test by test. A test that comes out
otherwise, twice, for no reason listed here fails the run; so does a library of which no span came.
"""


@dataclass(frozen=True)
class Result:
    library: Library
    version: str = ""
    bare: Run | None = None
    traced: Run | None = None
    differences: Sequence[Difference] = field(default_factory=list)
    unexplained: Sequence[Difference] = field(default_factory=list)
    failure: str = ""

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


def write(results: Sequence[Result], listed: Sequence[Reason]) -> None:
    PLACE.write_text("".join(f"{each}\n" for each in lines(results, listed)))


def lines(results: Sequence[Result], listed: Sequence[Reason]) -> Iterator[str]:
    yield HEAD
    yield f"Python {platform.python_version()}, {datetime.now(timezone.utc):%Y-%m-%d}.\n"
    yield "| Library | Tests, bare | Otherwise when traced | Spans, beside those around tests |"
    yield "|---|---|---|---|"
    for result in results:
        name = f"{result.library.name} {result.version}".strip()
        if result.bare is None or result.traced is None:
            yield f"| {name} | not run: {result.library.why_not or 'it failed'} | | |"
            continue
        reasons = [number for number, each in enumerate(listed, start=1) if any(map(each.explains, result.differences))]
        told = [f"{len(result.differences)} ({', '.join(map(str, reasons))})"] if result.differences else ["none"]
        told += [f"**{len(result.unexplained)} for no listed reason**"] if result.unexplained else []
        spans = "none are made of it" if result.library.makes_none else f"{result.traced.of_library:,}"
        yield f"| {name} | {_outcomes(result.bare)} | {', '.join(told)} | {spans} |"
    if listed:
        yield "\n## Reasons\n"
        yield from (f"{number}. {each.library}: {each.reason}" for number, each in enumerate(listed, start=1))


def _outcomes(run: Run) -> str:
    counts = Counter(run.outcomes.values())
    return ", ".join(f"{counts[word]:,} {word}" for word in sorted(counts, key=lambda word: -counts[word]))
