"""The results as docs/newest-python.md; beside this file they stay, and a run of some replaces those of these."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[1] / "docs" / "newest-python.md"
CORE = "core"

HEAD = """\
# Python {pythons}

<!-- Made by `nox -s newest`; do not edit. -->

`nox -s tests` runs on Python {others}. The Pythons above come from Debian's unstable suite, which moves:
`nox -s newest` runs the tests of each plugin on them, as root on Debian. It makes a system of its own in a folder, and
changes nothing of the machine. It is no part of CI. Free-threaded builds are left out: nothing here was run on one.

A row is a test file of a plugin, on the newest release of its library that installs there without a compiler; `core` is
what stands under `tests/otel_dd_distro`, and under `tests/otel_instrumentors` for kernel, families, conventions and the
middlewares, without what installs ddtrace to compare with and what looks at a page in a browser.

"""


@dataclass
class Result:
    part: str
    python: str
    """With its third number."""
    date: str
    libraries: str = ""
    """What was tested, with versions; "" for nothing of the index."""
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    """The names of the tests."""
    lacking: dict[str, int] = field(default_factory=dict)
    """How many tests want a library that does not install there, by its module."""
    why_not: str = ""
    """Why nothing was run."""

    @property
    def told(self) -> str:
        counted = [f"{self.passed} passed"]
        counted += [f"{len(self.failed)} failed"] if self.failed else []
        return ", ".join([*counted, *(f"{number} not run without {name}" for name, number in self.lacking.items())])


def store(result: Result) -> None:
    """In the place of the result of the same part and Python."""
    kept = [each for each in stored() if (each.part, _minor(each)) != (result.part, _minor(result))]
    results = sorted([*kept, result], key=lambda each: (each.part != CORE, each.part, _minor(each)))
    RESULTS.write_text(json.dumps([asdict(each) for each in results], indent=1) + "\n")


def stored() -> list[Result]:
    return [Result(**each) for each in json.loads(RESULTS.read_text())] if RESULTS.exists() else []


def write(others: list[str]) -> None:
    results = stored()
    pythons = sorted({_minor(each) for each in results})
    lines = ["| | " + " | ".join(f"Python {python}" for python in pythons) + " |", "|---" * (len(pythons) + 1) + "|"]
    for part in dict.fromkeys(each.part for each in results):
        by_python = {_minor(each): each for each in results if each.part == part}
        cells = [_cell(by_python[python]) if python in by_python else "not run" for python in pythons]
        lines.append(f"| `{part}` | {' | '.join(cells)} |")
    failed = [f"- `{name}`, {each.python}\n" for each in results for name in each.failed]
    text = HEAD.format(pythons=" and ".join(pythons), others=f"{others[0]} to {others[-1]}") + "\n".join(lines) + "\n"
    PAGE.write_text(text + ("\nWhat failed:\n\n" + "".join(failed) if failed else ""))


def _minor(result: Result) -> str:
    return ".".join(result.python.split(".")[:2])


def _cell(result: Result) -> str:
    if result.why_not:
        return f"{result.why_not} ({result.date})"
    return f"{result.told} ({', '.join(filter(None, (result.libraries, result.python, result.date)))})"
