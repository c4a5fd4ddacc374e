from __future__ import annotations

from pathlib import Path

import pytest

from torture import cells, known, page
from torture.agents import AGENTS
from torture.cells import Cell, Result, all_cells, ci_cells
from torture.judgement import Fault
from torture.starts import STARTS

FIRST = Cell("gunicorn sync", "silent", "SIGINT")


@pytest.fixture(autouse=True)
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "failed.txt"
    place.touch()
    monkeypatch.setattr(cells, "FAILED", place)
    return place


def result(cell: Cell, *rules: str) -> Result:
    return Result(cell, tuple(Fault(rule, "told") for rule in rules), 0.5, 100)


def test_each_start_meets_each_agent_and_each_of_its_stops() -> None:
    there = all_cells()
    assert len(there) == len({*there})
    for start in STARTS.values():
        own = [cell for cell in there if cell.start == start.name]
        assert {cell.agent for cell in own if cell.stop == start.stops[0]} == {*AGENTS}
        assert {cell.stop for cell in own} == {*start.stops}


def test_ci_has_one_of_each_start_and_one_of_each_rule_that_ever_failed_for_it() -> None:
    assert [(cell.start, cell.agent) for cell in ci_cells()] == [(name, "ok") for name in STARTS]

    cells.remember([result(FIRST, "lost", "exit"), result(Cell("gunicorn sync", "silent", "SIGTERM"), "exit")])
    cells.remember([result(Cell("uWSGI master", "ok", "SIGTERM"))])
    more = [cell for cell in ci_cells() if cell.agent != "ok"]
    assert len(more) == 2
    assert FIRST in more


def test_the_latest_result_of_each_cell_is_kept_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "KEPT", tmp_path / "results" / "results.json")
    first, second, *_ = all_cells()
    assert cells.keep([result(second), result(first, "lost")]) == [result(first, "lost"), result(second)]
    assert cells.keep([result(first)]) == [result(first), result(second)]


def test_a_known_fault_is_explained_where_its_patterns_say() -> None:
    listed = [known.Known("it is so", "lost", start="gunicorn*", stop="SIG*")]
    assert known.explained(FIRST, Fault("lost", ""), listed)
    assert not known.explained(FIRST, Fault("exit", ""), listed)
    assert not known.explained(Cell("uWSGI master", "ok", "SIGINT"), Fault("lost", ""), listed)


def test_known_lines_are_these_and_no_others() -> None:
    listed = [known.Known("it is so", "lines", lines=("Traceback*", "  *", "SystemExit: 0"))]
    lines = ("Traceback (most recent call last):", "    sys.exit(0)", "SystemExit: 0")
    assert known.explained(FIRST, Fault("lines", "", lines), listed)
    assert not known.explained(FIRST, Fault("lines", "", (*lines, "ValueError: tea")), listed)


@pytest.mark.parametrize(("rule", "lines"), [("lines", ""), ("lost", 'lines = ["tea"]\n')])
def test_who_knows_lines_names_them(tmp_path: Path, rule: str, lines: str) -> None:
    place = tmp_path / "known.toml"
    place.write_text(f'[[known]]\nreason = "it is so"\nrule = "{rule}"\n{lines}')
    with pytest.raises(ValueError, match="lines are named"):
        known.read(place)


def test_a_misspelt_key_of_a_known_fault_is_told(tmp_path: Path) -> None:
    place = tmp_path / "known.toml"
    place.write_text('[[known]]\nreason = "it is so"\nrule = "lost"\nstrat = "uWSGI*"\n')
    with pytest.raises(ValueError, match="strat"):
        known.read(place)


def test_what_is_listed_as_known_names_starts_stops_and_agents_that_there_are() -> None:
    for each in known.read():
        there = [cell for cell in all_cells() if each.explains(cell, Fault(each.rule, ""))]
        assert there, each


def test_the_page_shows_known_faults_by_number_and_others_in_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    # The servers are in torture's environment, and not in the tests'.
    monkeypatch.setattr(page, "version", lambda server: "1.0")
    listed = [known.Known("Workers are killed.", "lost")]
    told = list(page.lines([result(FIRST, "lost", "exit"), result(Cell("gunicorn sync", "ok", "SIGTERM"))], listed))
    (agents, stops) = (line for line in told if line.startswith("| gunicorn sync "))
    assert agents.startswith("| gunicorn sync | SIGTERM | ok |")
    assert "**exit**, 1" in stops
    assert told[-1] == "1. Workers are killed."
