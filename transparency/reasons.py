"""The differences that are known, each with its reason: read from reasons.toml."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).with_name("reasons.toml")


@dataclass(frozen=True)
class Difference:
    library: str
    test: str
    bare: str
    traced: str
    """Outcomes; `(none)` where the test was not run."""


@dataclass(frozen=True)
class Reason:
    library: str
    test: str
    """A pattern as of a shell; `[` is written `[[]`."""
    reason: str
    bare: str = "passed"
    traced: str = "failed"

    def explains(self, difference: Difference) -> bool:
        return (
            (self.library, self.bare, self.traced) == (difference.library, difference.bare, difference.traced)
        ) and fnmatchcase(difference.test, self.test)


def read(path: Path = FILE) -> list[Reason]:
    return [_from_table(table) for table in tomllib.loads(path.read_text()).get("difference", [])]


def differences(library: str, bare: Mapping[str, str], traced: Mapping[str, str]) -> list[Difference]:
    """Where the outcomes of the two runs differ, in the order of the tests' names."""
    both = ((test, bare.get(test, "(none)"), traced.get(test, "(none)")) for test in sorted({*bare, *traced}))
    return [Difference(library, test, one, other) for test, one, other in both if one != other]


def unexplained(found: Sequence[Difference], listed: Sequence[Reason]) -> list[Difference]:
    return [each for each in found if not any(reason.explains(each) for reason in listed)]


def _from_table(table: Mapping[str, Any]) -> Reason:
    unknown = set(table) - {each.name for each in fields(Reason)}
    if unknown:
        raise ValueError(f"{FILE.name}: unknown keys {sorted(unknown)}")
    return Reason(**table)
