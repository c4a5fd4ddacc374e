"""The faults that are known, each with its reason: read from known.toml."""

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

from .cells import Cell
from .judgement import Fault

FILE = Path(__file__).with_name("known.toml")


@dataclass(frozen=True)
class Known:
    """A kind of fault, and where it occurs: patterns are those of a shell (`*`, `?`, `[...]`).

    One of the rule `lines` names the lines: one that is like none of them is another fault.
    """

    reason: str
    rule: str
    start: str = "*"
    agent: str = "*"
    stop: str = "*"
    lines: tuple[str, ...] = ()

    def explains(self, cell: Cell, fault: Fault) -> bool:
        there = ((cell.start, self.start), (cell.agent, self.agent), (cell.stop, self.stop))
        return (
            fault.rule == self.rule
            and all(fnmatchcase(value, pattern) for value, pattern in there)
            and all(any(fnmatchcase(line, pattern) for pattern in self.lines) for line in fault.lines)
        )


def read(path: Path = FILE) -> list[Known]:
    return [_from_table(table) for table in tomllib.loads(path.read_text()).get("known", [])]


def explained(cell: Cell, fault: Fault, listed: Sequence[Known]) -> bool:
    return any(known.explains(cell, fault) for known in listed)


def _from_table(table: Mapping[str, Any]) -> Known:
    unknown = set(table) - {field.name for field in fields(Known)}
    if unknown:
        raise ValueError(f"{FILE.name}: unknown keys {sorted(unknown)}")
    if ("lines" in table) is not (table["rule"] == "lines"):
        raise ValueError(f"{FILE.name}: lines are named by the rule `lines`, and by no other")
    return Known(**{**table, "lines": tuple(table.get("lines", ()))})
