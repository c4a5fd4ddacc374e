"""The differences from ddtrace that we know of, each with its reason: read from differences.toml."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from .recorded import Node, Value

FILE = Path(__file__).with_name("differences.toml")

ABSENT = "(none)"
"""How a field is written that is not there."""


@dataclass(frozen=True)
class Listed:
    """One difference and its reason. Patterns are those of a shell (`*`, `?`, `[...]`).

    A span is meant by its name, or by its name and resource with a blank between. Every pattern of `left_out`, `added`
    and `fields` must occur in the scenario `shown_by`.
    """

    title: str
    reason: str
    shown_by: str
    left_out: tuple[str, ...] = ()
    """Spans that ddtrace alone makes."""
    added: tuple[str, ...] = ()
    """Spans that we alone make."""
    fields: tuple[str, ...] = ()
    """Fields with other values, on `spans`, where the values are like `ddtrace` and `ours`."""
    spans: tuple[str, ...] = ("*",)
    ddtrace: str = "*"
    ours: str = "*"
    where: tuple[tuple[str, str], ...] = ()
    """What other fields of the span are like, `(none)` where one is not there."""
    steps: tuple[str, ...] = ("*",)

    def leaves_out(self, node: Node, step: str) -> list[str]:
        """Those of its patterns that mean this span of ddtrace's."""
        return matching(self.left_out, node) if self._concerns(node, step) else []

    def adds(self, node: Node, step: str) -> list[str]:
        """Those of its patterns that mean this span of ours."""
        return matching(self.added, node) if self._concerns(node, step) else []

    def explains(self, node: Node, step: str, key: str, expected: Value, got: Value) -> list[str]:
        """Those of its patterns that mean this field of this span of ddtrace's."""
        if not (self._concerns(node, step) and matching(self.spans, node)):
            return []
        if not (fnmatchcase(str(expected), self.ddtrace) and fnmatchcase(str(got), self.ours)):
            return []
        return [pattern for pattern in self.fields if fnmatchcase(key, pattern)]

    def _concerns(self, node: Node, step: str) -> bool:
        return any(fnmatchcase(step, pattern) for pattern in self.steps) and all(
            fnmatchcase(str(node.fields.get(key, ABSENT)), pattern) for key, pattern in self.where
        )


def matching(patterns: tuple[str, ...], node: Node) -> list[str]:
    name, label = str(node.fields.get("name", "")), node.label
    return [pattern for pattern in patterns if fnmatchcase(name, pattern) or fnmatchcase(label, pattern)]


def read(path: Path = FILE) -> list[Listed]:
    return [from_table(table) for table in tomllib.loads(path.read_text())["difference"]]


def fixed(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(value) if isinstance(value, list) else value


def from_table(table: Mapping[str, Any]) -> Listed:
    """Raises ValueError where a key is unknown or nothing is meant."""
    unknown = set(table) - {field.name for field in fields(Listed)}
    if unknown:
        raise ValueError(f"differences.toml: {table.get('title')}: unknown keys {sorted(unknown)}")
    row = Listed(**{key: fixed(value) for key, value in table.items()})
    if not (row.left_out or row.added or row.fields):
        raise ValueError(f"differences.toml: {row.title}: neither left_out, added nor fields")
    return row
