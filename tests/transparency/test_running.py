from __future__ import annotations

import sys
from pathlib import Path

import pytest

from transparency.libraries import Library
from transparency.running import Failed, Prepared, run

TESTS = """
import sqlite3
import unittest
import pytest
from opentelemetry import trace

def test_traced():
    assert trace.get_current_span().is_recording()
    sqlite3.connect(":memory:").execute("SELECT 1")

def test_bare():
    assert not trace.get_current_span().is_recording()

def test_either():
    pass

@pytest.mark.skip(reason="it is so")
def test_skipped():
    pass

@pytest.mark.xfail
def test_expected():
    assert False

@pytest.fixture
def broken():
    raise ValueError

def test_error(broken):
    pass

class Case(unittest.TestCase):
    def test_case(self):
        pass

    def test_parts(self):
        with self.subTest("one"):
            self.fail()
"""
MINE = {"test_either": "passed", "test_skipped": "skipped", "test_expected": "xfailed", "test_error": "error"}


def prepared(folder: Path, **options: object) -> Prepared:
    (folder / "test_it.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    library = Library("it", **options)  # type: ignore[arg-type]
    return Prepared(library, Path(sys.executable), "1", folder)


def outcomes(told: object) -> dict[str, str]:
    return {test.rpartition("::")[2]: outcome for test, outcome in dict(told).items()}  # type: ignore[call-overload]


def test_outcomes_are_told_test_by_test_and_spans_counted(tmp_path: Path) -> None:
    there = prepared(tmp_path, arguments=("test_it.py",))
    bare, traced = run(there, {}, traced=False), run(there, {}, traced=True)

    assert outcomes(bare.outcomes).items() >= {**MINE, "test_bare": "passed", "test_traced": "failed"}.items()
    assert outcomes(traced.outcomes).items() >= {**MINE, "test_bare": "failed", "test_traced": "passed"}.items()
    assert (bare.of_tests, bare.of_library) == (0, 0)
    # Each has one, those that are not run, too, and one comes before them.
    assert (traced.of_tests, traced.of_library) == (9, 1)


def test_tests_of_unittest_are_told_as_well(tmp_path: Path) -> None:
    there = prepared(tmp_path, runner="unittest", arguments=("-m", "unittest", "test_it.Case"), makes_none=True)
    told = run(there, {}, traced=True)
    assert told.outcomes == {"test_it.Case.test_case": "passed", "test_it.Case.test_parts": "failed"}
    assert (told.of_tests, told.of_library) == (2, 0)


def test_a_run_of_which_no_span_came_but_those_around_tests_has_failed(tmp_path: Path) -> None:
    there = prepared(tmp_path, arguments=("test_it.py::test_either",))
    with pytest.raises(Failed, match="no span but"):
        run(there, {}, traced=True)


def test_a_run_without_a_test_that_passes_has_failed_and_tells_what_was_said(tmp_path: Path) -> None:
    there = prepared(tmp_path, arguments=("test_it.py::test_nowhere",))
    with pytest.raises(Failed, match=r"(?s)no test has passed.*test_nowhere"):
        run(there, {}, traced=False)
