from __future__ import annotations

import math
import sys

import pytest

from otel_dd_distro.export import shared_times
from otel_dd_distro.export.shared_times import LAST_LINE, WAITED_IN_VAIN, SharedTimes
from tests.otel_dd_distro.export.made import run


def test_what_was_never_noted_is_infinitely_long_ago() -> None:
    times = SharedTimes()
    assert times.age_s(LAST_LINE) == math.inf
    times.note(WAITED_IN_VAIN)
    assert times.age_s(LAST_LINE) == math.inf
    assert 0 <= times.age_s(WAITED_IN_VAIN) < 60


def test_a_child_and_its_parent_note_in_the_same_place() -> None:
    run(
        """
        import math, os
        from otel_dd_distro.export.shared_times import LAST_LINE, WAITED_IN_VAIN, SharedTimes

        times = SharedTimes()
        times.note(LAST_LINE)
        child = os.fork()
        if child == 0:
            inherited = times.age_s(LAST_LINE)
            times.note(WAITED_IN_VAIN)
            os._exit(inherited == math.inf)
        assert os.waitpid(child, 0)[1] == 0
        assert times.age_s(WAITED_IN_VAIN) < 60
        """
    )


def test_without_such_memory_a_process_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mmap", None)
    times = shared_times.SharedTimes()
    times.note(LAST_LINE)
    assert times.age_s(LAST_LINE) < 60
    assert times.age_s(WAITED_IN_VAIN) == math.inf
