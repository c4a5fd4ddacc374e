from __future__ import annotations

from pathlib import Path

from transparency import page
from transparency.libraries import Library
from transparency.page import Result
from transparency.reasons import Difference, Reason
from transparency.running import Run

BARE = Run({"test_tea": "passed", "test_cup": "passed"}, 0, 0, 1.5)
TRACED = Run({"test_tea": "failed", "test_cup": "passed"}, 2, 1_234, 2.5)
FOUND = Difference("tea", "test_tea", "passed", "failed")
LIBRARIES = {name: Library(name) for name in ("tea", "milk", "cups")}


def test_the_latest_result_of_each_library_is_kept_in_their_order(tmp_path: Path) -> None:
    tea = Result(LIBRARIES["tea"], "1.0", BARE, TRACED, [FOUND], [FOUND])
    cups = Result(LIBRARIES["cups"], failure="no such server")
    for result in (cups, Result(LIBRARIES["tea"], failure="not yet"), tea):
        page.keep(result, tmp_path)
    assert page.kept(LIBRARIES, tmp_path) == [tea, cups]


def test_the_rows_of_libraries_that_were_never_run_here_stay_with_the_numbers_that_their_reasons_have_now() -> None:
    tea = Result(LIBRARIES["tea"], "1.0", BARE, TRACED, [FOUND], python="3.10.1", day="2026-01-01")
    cups = Result(LIBRARIES["cups"], "2.1", BARE, BARE)
    old = "\n".join(page.lines([tea, Result(LIBRARIES["milk"]), cups], [Reason("tea", "test_tea", "it is so")]))
    now = [Reason("milk", "*", "it is white"), Reason("tea", "test_tea", "it is so")]
    milk = Result(LIBRARIES["milk"], "3", BARE, BARE, python="3.11.2", day="2026-02-02")
    results = [Result(LIBRARIES["tea"]), milk, Result(LIBRARIES["cups"])]
    told = list(page.lines(results, now, page.former(old)))
    assert "| tea 1.0 | 2 passed | 1 (2) | 1,234 |" in told
    assert "| milk 3 | 2 passed | none | 0 |" in told
    assert "| cups 2.1 | 2 passed | none | 0 |" in told
    assert any(line.startswith("Python 3.10.1, ") and "2026-01-01 to " in line for line in told)


def test_the_page_tells_of_reasons_as_they_are_listed_today() -> None:
    results = [Result(LIBRARIES["tea"], "1.0", BARE, TRACED, [FOUND], [FOUND]), Result(LIBRARIES["milk"])]
    told = list(page.lines(results, [Reason("tea", "test_tea", "it is so")]))
    assert "| tea 1.0 | 2 passed | 1 (1) | 1,234 |" in told
    assert "| milk | not run yet | | |" in told
    assert any("1 for no listed reason" in line for line in page.lines(results, []))
