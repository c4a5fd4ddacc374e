"""Methods that somebody kept before they were hooked."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.change_result import change_result
from otel_instrumentors.kernel.hooks.warn_of_bound import warn_of_bound
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder


class Cup:
    def drink(self) -> str:
        return "tea"


class Large(Cup):
    pass


@pytest.mark.parametrize(("number", "initializing"), [(0, False), (1, False), (3, False), (2, True)])
def test_objects_whose_method_was_kept_are_told_of_unless_the_library_is_just_being_imported(
    number: int, initializing: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__].__spec__, "_initializing", initializing, raising=False)
    cups = [Large() if place % 2 else Cup() for place in range(number)]
    # Kept twice by each, by whatever it is.
    kept: list[Any] = [{"a": [cup.drink], "b": (cup.drink,)} for cup in cups]
    scope = Scope(Recorder().provider.get_tracer("test"))
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        made = warn_of_bound(change_result(lambda _call, tea: tea * 2), "cups").wrap(
            Target(Cup.drink, Cup, True), scope
        )

    line = f"{number} cups whose drink was wrapped before they were instrumented are not traced"
    assert [record.getMessage() for record in caplog.records] == ([line] if number and not initializing else [])
    assert made(Cup()) == "teatea"
    assert len(kept) == number
