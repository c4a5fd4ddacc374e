"""A small version of `nox -s streams`: what streamed answers and clients that leave keep in memory."""

from __future__ import annotations

import pytest

REQUESTS = 4_000


@pytest.mark.parametrize("light", ["true", "false"], ids=["light tracer", "SDK's tracer"])
def test_streamed_requests_keep_nothing_in_memory(light: str) -> None:
    from benchmarks.streams import MOST_KIB, grown_kib, is_accounted_for, streamed

    told = streamed(REQUESTS, OTEL_DD_LIGHT_TRACER=light)

    assert grown_kib(told["rss_kib"]) <= MOST_KIB, told["rss_kib"]
    assert told["accepted"] == REQUESTS
    assert is_accounted_for(told)
    # A client in ten leaves after ten messages of twenty-two.
    assert told["parts"] < 22 * REQUESTS
