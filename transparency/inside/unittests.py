"""Runs a program whose tests are unittest's: `unittests.py program.py ...`, or `unittests.py -m module ...`."""

from __future__ import annotations

import atexit
import os
import runpy
import sys
import unittest
from typing import Any

import outcomes

_run = unittest.TestCase.run


def run(self: unittest.TestCase, result: unittest.TestResult | None = None) -> Any:
    with outcomes.around(self.id()):
        return _run(self, result)


def noting(method: str, outcome: str) -> None:
    before = getattr(unittest.TestResult, method)

    def noted(self: unittest.TestResult, test: unittest.TestCase, *arguments: Any) -> Any:
        outcomes.note(test.id(), outcome)
        return before(self, test, *arguments)

    setattr(unittest.TestResult, method, noted)


def subtest(self: unittest.TestResult, test: unittest.TestCase, part: unittest.TestCase, error: Any) -> Any:
    if error is not None:
        outcomes.note(test.id(), "failed")
    return _add_subtest(self, test, part, error)


_add_subtest = unittest.TestResult.addSubTest
unittest.TestCase.run = run  # type: ignore[method-assign]
unittest.TestResult.addSubTest = subtest  # type: ignore[method-assign]
for name, word in {
    "addSuccess": "passed",
    "addFailure": "failed",
    "addError": "error",
    "addSkip": "skipped",
    "addExpectedFailure": "xfailed",
    "addUnexpectedSuccess": "xpassed",
}.items():
    noting(name, word)

own = os.getpid()
atexit.register(lambda: os.getpid() == own and outcomes.write())

if __name__ == "__main__":
    sys.argv[:] = sys.argv[1:]
    # As Python does it for a program, and for a module.
    if sys.argv[0] == "-m":
        sys.path[0] = os.getcwd()
        runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
        runpy.run_path(sys.argv[0], run_name="__main__")
