"""All scenarios of one run and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .comparison import Compared, vanished
from .differences import Listed
from .running import Scenario


@dataclass
class Result:
    scenario: Scenario
    compared: Compared
    cpu: Mapping[str, float]
    """Side -> seconds of CPU."""

    def spans(self) -> tuple[int, int]:
        """How many ddtrace made, and how many we."""
        rows = list(self.compared.rows())
        return sum(row.expected is not None for row in rows), sum(row.got is not None for row in rows)


@dataclass
class Report:
    results: Sequence[Result]
    failed: Sequence[str]
    """Why the other scenarios could not be compared."""
    listed: Sequence[Listed]
    versions: Mapping[str, str]
    """What was compared, and with what: name -> version."""
    date: str

    def occurrences(self) -> Counter[Listed]:
        return Counter(
            each.listed for result in self.results for each in result.compared.differences() if each.listed is not None
        )

    def problems(self) -> list[str]:
        """A text for each scenario that failed, difference that is not listed, and listed one that did not occur."""
        unlisted = [str(each) for result in self.results for each in result.compared.unlisted()]
        return [*self.failed, *unlisted, *vanished(self.listed, [result.compared for result in self.results])]


def times(count: int) -> str:
    return {0: "not in this run", 1: "once"}.get(count, f"{count} times")
