"""The cells: each start meets each Agent with its first stop, and each of its other stops with three Agents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .agents import AGENTS
from .judgement import Fault
from .starts import STARTS, Start

FAILED = Path(__file__).with_name("failed.txt")
"""A line for each cell that ever failed, and by which rule; runs add to it."""
KEPT = Path(__file__).parents[1] / ".nox" / "torture" / "results.json"
"""What came of the latest run of each cell, on this machine."""
STOPPED_UNDER = ("ok", "absent", "silent")


@dataclass(frozen=True)
class Cell:
    start: str
    agent: str
    stop: str

    def __str__(self) -> str:
        return f"{self.start} | {self.agent} | {self.stop}"


@dataclass(frozen=True)
class Result:
    cell: Cell
    faults: tuple[Fault, ...]
    later_s: float
    """How much longer than untraced its end took."""
    more_kib: int
    """How much more memory its largest process needed."""


def all_cells() -> list[Cell]:
    return [cell for start in STARTS.values() for cell in _of(start)]


def ci_cells() -> list[Cell]:
    """One of each start, and of those that ever failed one for each start and rule."""
    first = {(start.name, ""): Cell(start.name, "ok", start.stops[0]) for start in STARTS.values()}
    wanted = {*first.values(), *{(cell.start, rule): cell for cell, rule in _failed()}.values()}
    return [cell for cell in all_cells() if cell in wanted]


def remember(results: Iterable[Result]) -> None:
    """Add those that failed to the list."""
    now = {(result.cell, fault.rule) for result in results for fault in result.faults}
    lines = sorted(f"{cell} | {rule}" for cell, rule in {*_failed(), *now})
    FAILED.write_text("".join(f"{line}\n" for line in lines))


def keep(results: Iterable[Result]) -> list[Result]:
    """Keep what came of a run; the latest results of all cells that were ever run, in their order."""
    told = json.loads(KEPT.read_text()) if KEPT.exists() else []
    latest = {result.cell: result for result in [*map(_from_json, told), *results]}
    found = [latest[cell] for cell in all_cells() if cell in latest]
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps([asdict(result) for result in found]))
    return found


def _from_json(told: dict[str, Any]) -> Result:
    return Result(**{**told, "cell": Cell(**told["cell"]), "faults": tuple(map(_fault, told["faults"]))})


def _fault(told: dict[str, Any]) -> Fault:
    return Fault(told["rule"], told["told"], tuple(told.get("lines", ())))


def _of(start: Start) -> Iterator[Cell]:
    yield from (Cell(start.name, agent, start.stops[0]) for agent in AGENTS)
    yield from (Cell(start.name, agent, stop) for stop in start.stops[1:] for agent in STOPPED_UNDER)


def _failed() -> list[tuple[Cell, str]]:
    lines = [line.split(" | ") for line in FAILED.read_text().splitlines()]
    return [(Cell(start, agent, stop), rule) for start, agent, stop, rule in lines]
