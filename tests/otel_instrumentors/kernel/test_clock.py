from __future__ import annotations

import time

import pytest
from freezegun import freeze_time

from otel_instrumentors.kernel.clock import clock


def test_when_a_call_began_is_known_where_the_application_has_stopped_the_time() -> None:
    before = time.time_ns()
    with freeze_time("2012-01-14"):
        assert time.time_ns() < before
        assert clock.time_ns() == pytest.approx(before, abs=600e9)
        first = clock.monotonic()
        while clock.monotonic() == first:
            time.sleep(0.001)
