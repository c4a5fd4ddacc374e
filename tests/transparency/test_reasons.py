from __future__ import annotations

from pathlib import Path

import pytest

from transparency import libraries, reasons
from transparency.reasons import Difference, Reason, differences, unexplained

BARE = {"test_tea": "passed", "test_cup": "failed", "test_milk": "passed", "test_sugar": "skipped"}


def test_only_tests_that_come_out_otherwise_differ() -> None:
    assert differences("tea", BARE, BARE) == []
    assert differences("tea", BARE, {**BARE, "test_tea": "failed", "test_cup": "passed"}) == [
        Difference("tea", "test_cup", "failed", "passed"),
        Difference("tea", "test_tea", "passed", "failed"),
    ]


def test_a_test_that_one_side_alone_has_differs() -> None:
    assert differences("tea", {"test_tea": "passed"}, {}) == [Difference("tea", "test_tea", "passed", "(none)")]
    assert differences("tea", {}, {"test_tea": "passed"}) == [Difference("tea", "test_tea", "(none)", "passed")]


def test_a_reason_explains_the_tests_of_its_pattern_with_its_outcomes_in_its_library_alone() -> None:
    listed = [Reason("tea", "*_tea", "it is so")]
    found = [
        Difference("tea", "test_tea", "passed", "failed"),
        Difference("tea", "test_tea", "passed", "error"),
        Difference("tea", "test_milk", "passed", "failed"),
        Difference("coffee", "test_tea", "passed", "failed"),
    ]
    assert unexplained(found, listed) == found[1:]


def test_a_misspelt_key_is_told(tmp_path: Path) -> None:
    place = tmp_path / "some.toml"
    place.write_text('[[difference]]\nlibrary = "tea"\ntests = "*"\nreason = "it is so"\n')
    with pytest.raises(ValueError, match="tests"):
        reasons.read(place)
    place.write_text('[tea]\nsuorce = "tea"\n')
    with pytest.raises(ValueError, match="suorce"):
        libraries.read(place)


def test_what_is_listed_names_libraries_that_are_run() -> None:
    run = {library.name for library in libraries.read().values() if not library.why_not}
    assert {reason.library for reason in reasons.read()} <= run


def test_those_of_ci_are_quick_and_need_no_server() -> None:
    quick = [library for library in libraries.read().values() if library.quick]
    assert {"flask", "jinja2", "mako", "requests", "sqlite3"} <= {library.name for library in quick}
    assert not [library for library in quick if library.servers or library.why_not]
