"""What a run of the cells comes to."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

import pytest

from torture import __main__ as command
from torture.cells import Cell, Result
from torture.judgement import Fault

ONCE, ALWAYS, NEVER = (Cell(start, "ok", "end") for start in ("script", "double fork", "multiprocessing fork"))


def test_in_ci_a_fault_counts_that_comes_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: Counter[Cell] = Counter()

    def run_all(cells: Sequence[Cell], _jobs: int) -> list[Result]:
        runs.update(cells)
        failing = {ALWAYS} | ({ONCE} if runs[ONCE] == 1 else set())
        return [Result(cell, (Fault("exit", "late"),) if cell in failing else (), 0.0, 0) for cell in cells]

    monkeypatch.setattr(command, "run_all", run_all)
    monkeypatch.setattr(command, "ci_cells", lambda: [ONCE, ALWAYS, NEVER])
    monkeypatch.setattr(command, "remember", lambda _results: None)
    monkeypatch.setattr(command, "keep", lambda _results: [])
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["torture", "--ci"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code
    assert runs == {ONCE: 3, ALWAYS: 3, NEVER: 1}
    told = capsys.readouterr().out
    assert f"once, and not in 2 more runs: {ONCE}" in told
    assert f"not as it should be: {ALWAYS}" in told
    assert "2 passed, 1 failed" in told
