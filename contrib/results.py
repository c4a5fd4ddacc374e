"""What came of contrib's tests on our instrumentors, package by package: kept by `contrib.alias`, told by `nox`.

`python -m contrib.results FOLDER [NAME ...]` prints the table of the results in a folder, and where no package is named
writes it into docs/migrating-from-opentelemetry.md. `--why` prints instead how each test failed.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGE = Path(__file__).parents[1] / "docs" / "migrating-from-opentelemetry.md"
BEGIN, END = "<!-- made by `nox -s contrib`: -->\n", "<!-- until here -->\n"


class Expected(NamedTuple):
    """The file expected.toml: of each package the tests that are expected to fail, by the kind of reason."""

    reasons: Mapping[str, str]
    unfair: frozenset[str]
    """The kinds of reasons for which no instrumentor can pass but the one that the test was written for."""
    tests: Mapping[str, Mapping[str, str]]
    """Package -> test, from its file on -> kind of reason."""


@functools.cache
def expected() -> Expected:
    table = tomllib.loads(Path(__file__).with_name("expected.toml").read_text())
    reasons, unfair = table.pop("reasons"), table.pop("unfair")
    tests = {
        package: {test: kind for kind, listed in kinds.items() for test in listed} for package, kinds in table.items()
    }
    return Expected(reasons, frozenset(unfair), tests)


class Result(NamedTuple):
    """What came of the tests of a package. A test that is run with several parameters counts as so many."""

    package: str
    version: str
    passed: int
    skipped: int
    theirs: int
    """How many passed without anything of ours: they are about the inside of contrib."""
    failed: Sequence[str]
    expected: Mapping[str, int]
    """How many failed as expected, by the kind of reason."""
    why: Mapping[str, str]
    """Test that failed -> what its error said."""

    @property
    def tests(self) -> int:
        """Without those that skip themselves, and those that use nothing of ours."""
        return self.passed + len(self.failed) + sum(self.expected.values())

    def fair(self, unfair: Iterable[str]) -> int:
        return self.tests - sum(self.expected.get(kind, 0) for kind in unfair)

    def write(self, folder: Path) -> None:
        (folder / f"{self.package}.json").write_text(json.dumps(self._asdict(), indent=1))


def read(folder: Path) -> list[Result]:
    return [Result(**json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]


def table(results: Sequence[Result], unfair: frozenset[str]) -> str:
    rows: list[tuple[Any, ...]] = [
        (each.package, each.version, each.tests, each.passed, sum(each.expected.values()), each.fair(unfair))
        for each in results
    ]
    rows.append(("all", "", *(sum(column) for column in zip(*(row[2:] for row in rows), strict=True))))
    head = ("Package", "Release", "Tests", "Passed", "Expected to fail", "Fair")
    lines = [head, ("---", "---", "--:", "--:", "--:", "--:"), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def summary(results: Sequence[Result], unfair: frozenset[str]) -> str:
    passed, fair = sum(each.passed for each in results), sum(each.fair(unfair) for each in results)
    return f"{passed} of {fair} fair tests pass"


def page(results: Sequence[Result], listed: Expected) -> str:
    """The generated part of the page."""
    counted: Counter[str] = Counter()
    for each in results:
        counted.update(each.expected)
    unfair = "".join(f"| {listed.reasons[kind]} | {counted[kind]} |\n" for kind in _kinds(counted, listed, fair=False))
    fair = "".join(f"| {listed.reasons[kind]} | {counted[kind]} |\n" for kind in _kinds(counted, listed, fair=True))
    return (
        f"**{summary(results, listed.unfair)}**: of those that another instrumentor than contrib's can pass. Fair tests"
        f" that ours fails, by what each does:\n\n| The test | Tests |\n|---|--:|\n{fair}\n"
        "Tests that only contrib's own instrumentor can pass:\n\n"
        f"| The test | Tests |\n|---|--:|\n{unfair}\n"
        "By package, without the tests that skip themselves and those that pass without anything of ours:\n\n"
        f"{table(results, listed.unfair)}\n"
    )


def _kinds(counted: Mapping[str, int], listed: Expected, *, fair: bool) -> list[str]:
    kinds = [kind for kind in listed.reasons if counted.get(kind) and (kind not in listed.unfair) is fair]
    return sorted(kinds, key=lambda kind: -counted[kind])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--why", action="store_true")
    options = parser.parse_args()
    listed = expected()
    results = [each for each in read(options.folder) if not options.names or each.package in options.names]
    if options.why:
        for each in results:
            kinds = listed.tests.get(each.package, {})
            for test, said in each.why.items():
                print(f"{each.package} {kinds.get(test.partition('[')[0])}: {test}\n    {said}")
        return
    print(table(results, listed.unfair))
    for each in results:
        for test in each.failed:
            print(f"{each.package}: {test} failed, or passed though it is listed")
    print(summary(results, listed.unfair))
    if not options.names:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(before + BEGIN + "\n" + page(results, listed) + END + after)


if __name__ == "__main__":
    main()
