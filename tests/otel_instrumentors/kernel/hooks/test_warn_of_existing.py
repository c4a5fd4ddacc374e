"""Hooks that come too late."""

from __future__ import annotations

import logging
import sys

import pytest

from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.change_result import change_result
from otel_instrumentors.kernel.hooks.warn_of_existing import warn_of_existing
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder


class Cup:
    pass


def make() -> Cup:
    return Cup()


@pytest.mark.parametrize(("number", "initializing"), [(0, False), (2, False), (2, True)])
def test_what_was_made_before_is_told_of_once_unless_the_library_is_just_being_imported(
    number: int, initializing: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[__name__]
    monkeypatch.setattr(module.__spec__, "_initializing", initializing, raising=False)
    cups = [make() for _ in range(number)]
    scope = Scope(Recorder().provider.get_tracer("test"))
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        made = warn_of_existing(change_result(lambda _call, cup: [cup]), "Cup", "cups").wrap(
            Target(make, module, False), scope
        )
    assert [record.getMessage() for record in caplog.records] == (
        [f"{len(cups)} cups made before they were instrumented are not traced"] if number and not initializing else []
    )
    assert [type(cup) for cup in made()] == [Cup]
