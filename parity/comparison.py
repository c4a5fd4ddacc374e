"""The comparison: two recordings of a scenario step by step, each difference with its reason or without one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .alignment import aligned
from .differences import ABSENT, Listed
from .recorded import Node, Value, preorder

Recording = Mapping[str, Sequence[Node]]
"""Step -> its spans as trees."""


@dataclass(frozen=True)
class Difference:
    """One field of one span, `span` for the whole of it, that is not the same on both sides."""

    scenario: str
    step: str
    span: str
    """The labels of the spans above it and its own."""
    field: str
    expected: Value
    """ddtrace's."""
    got: Value
    """Ours."""
    listed: Listed | None = None

    def __str__(self) -> str:
        return (
            f"{self.scenario}, step “{self.step}”, span {self.span}, {self.field}:"
            f" expected {self.expected!r}, got {self.got!r}"
        )


@dataclass
class Row:
    """A span of ddtrace's and ours beside each other, how deep each stands in its tree, and how they differ."""

    expected: Node | None
    got: Node | None
    depths: tuple[int, int]
    differences: list[Difference]
    equal: int
    """How many fields are the same."""


@dataclass
class Compared:
    """One scenario."""

    scenario: str
    steps: dict[str, list[Row]] = field(default_factory=dict)
    occurred: set[tuple[Listed, str]] = field(default_factory=set)
    """The patterns that met something, each with the row it stands in."""

    def rows(self) -> Iterator[Row]:
        for rows in self.steps.values():
            yield from rows

    def differences(self) -> list[Difference]:
        return [difference for row in self.rows() for difference in row.differences]

    def unlisted(self) -> list[Difference]:
        return [difference for difference in self.differences() if difference.listed is None]

    def meant(self) -> list[Difference]:
        return [each for each in self.differences() if each.listed is not None]

    def equal(self) -> int:
        """How many fields are the same on both sides."""
        return sum(row.equal for row in self.rows())


def compare(scenario: str, expected: Recording, got: Recording, listed: Sequence[Listed]) -> Compared:
    result = Compared(scenario)
    for step in dict.fromkeys((*expected, *got)):
        result.steps[step] = compare_step(result, step, expected.get(step, ()), got.get(step, ()), listed)
    return result


def compare_step(
    result: Compared, step: str, expected: Sequence[Node], got: Sequence[Node], listed: Sequence[Listed]
) -> list[Row]:
    above = {node: ancestors for ancestors, node in (*preorder(expected), *preorder(got))}

    def path(node: Node) -> str:
        return " > ".join(one_line(each.label) for each in (*above[node], node))

    def reason_for(node: Node, key: str, theirs: Value, ours: Value) -> Listed | None:
        for row in listed:
            if theirs == ours == "":
                patterns = row.leaves_out(node, step) if key == "left out" else row.adds(node, step)
            else:
                patterns = row.explains(node, step, key, theirs, ours)
            if patterns:
                result.occurred.update((row, pattern) for pattern in patterns)
                return row
        return None

    rows = []
    pairs = aligned(
        expected,
        got,
        left_out=lambda node: any(row.leaves_out(node, step) for row in listed),
        added=lambda node: any(row.adds(node, step) for row in listed),
    )
    for theirs, ours in pairs:
        differences = []
        equal = 0
        if theirs is not None and ours is not None:
            for key in dict.fromkeys((*theirs.fields, *ours.fields)):
                values = theirs.fields.get(key, ABSENT), ours.fields.get(key, ABSENT)
                if same(*values):
                    equal += 1
                else:
                    reason = reason_for(theirs, key, *values)
                    differences.append(Difference(result.scenario, step, path(theirs), key, *values, reason))
        elif theirs is not None:
            reason = reason_for(theirs, "left out", "", "")
            differences.append(
                Difference(result.scenario, step, path(theirs), "span", one_line(theirs.label), ABSENT, reason)
            )
        elif ours is not None:
            reason = reason_for(ours, "added", "", "")
            differences.append(
                Difference(result.scenario, step, path(ours), "span", ABSENT, one_line(ours.label), reason)
            )
        depths = (len(above[theirs]) if theirs else 0, len(above[ours]) if ours else 0)
        rows.append(Row(theirs, ours, depths, differences, equal))
    return rows


def same(a: Value, b: Value) -> bool:
    """Whether the Agent reads the same: numbers are all floats to it, a text is never a number."""
    return a == b and isinstance(a, str) == isinstance(b, str)


def one_line(text: str) -> str:
    return " ".join(text.split())


def vanished(listed: Sequence[Listed], compared: Sequence[Compared]) -> list[str]:
    """A sentence for each pattern that no longer meets anything in the scenario which was to show it."""
    occurred: defaultdict[str, set[tuple[Listed, str]]] = defaultdict(set)
    for result in compared:
        occurred[result.scenario] |= result.occurred
    return [
        f"differences.toml, “{row.title}”: {pattern} no longer occurs in the scenario {row.shown_by}"
        for row in listed
        if row.shown_by in occurred
        for pattern in (*row.left_out, *row.added, *row.fields)
        if (row, pattern) not in occurred[row.shown_by]
    ]
