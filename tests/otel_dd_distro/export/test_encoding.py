"""Chunks that do not fit, or cannot be encoded."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from otel_dd_distro.export import AgentInfo
from otel_dd_distro.local_trace.chunk import Chunk
from tests.agents import (
    ScriptedAgent,
)
from tests.otel_dd_distro.export.made import Lines, Make, chunk, encode, ids, span


def test_a_trace_above_the_limit_is_cut_and_nothing_is_lost(make: Make) -> None:
    parts: list[Chunk] = []

    def noting(one: Chunk, info: AgentInfo) -> bytes:
        parts.append(one)
        return encode(one, info)

    with ScriptedAgent() as there:
        writer = make(there.url, noting, payload_limit_bytes=4_000)
        whole = chunk(40, pad=300)
        writer.submit(whole)
        assert writer.flush(60)
        assert sorted(there.spans()) == ids(whole)
        assert all(len(payload.body) <= 4_000 for payload in there.payloads())
        assert writer.counters().sent == 40
    assert not parts[0].partial
    assert all(part.partial for part in parts[1:])
    # Whoever looks for the parent of a span finds it, whichever half it is in.
    everything = set(ids(whole))
    assert all(set(ids(part)) | set(part.parents) == everything for part in parts)
    assert all(part.context is whole.context for part in parts)


def test_a_single_span_above_the_limit_is_dropped_alone(make: Make, lines: Lines) -> None:
    with ScriptedAgent() as there:
        writer = make(there.url, payload_limit_bytes=4_000)
        one = chunk(3)
        one.spans[1] = span(pad=10_000, trace_id=ids(one)[0])
        writer.submit(one)
        assert writer.flush(60)
        counters = writer.counters()
        assert (counters.sent, counters.dropped) == (2, {"too_large": 1})
        assert len(there.spans()) == 2
    assert len(lines()) == 1
    assert "above the limit" in lines()[0]


def test_a_chunk_that_cannot_be_encoded_costs_only_itself(make: Make, lines: Lines) -> None:
    def picky(one: Chunk, info: AgentInfo) -> bytes:
        if len(one.spans) == 13:
            raise TypeError("no thirteen")
        return encode(one, info)

    with ScriptedAgent() as there:
        writer = make(there.url, picky)
        for spans in (1, 13, 2, 13):
            writer.submit(chunk(spans))
        assert writer.flush(60)
        counters = writer.counters()
        assert (counters.accepted, counters.sent, counters.dropped) == (29, 3, {"encode": 26})
    assert len(lines()) == 1
    assert "such line: 26, of 2 traces" in lines()[0]
    assert "TypeError: no thirteen" in lines()[0]


class TooLong(Exception):
    pass


@pytest.mark.parametrize(("amid", "limit_bytes"), [(1, 20 << 20), (2, 4_000), (3, 4_000)])
@pytest.mark.parametrize("raised", [TooLong, KeyboardInterrupt])
def test_what_a_signal_handler_raises_amid_the_encoding_reaches_the_application_and_the_trace_the_agent(
    make: Make, raised: type[BaseException], amid: int, limit_bytes: int
) -> None:
    """In one piece, and in halves: in the whole, in the first, in a part of that."""
    times = 0

    def interrupted(one: Chunk, info: AgentInfo) -> bytes:
        nonlocal times
        times += 1
        if times == amid:
            signal.raise_signal(signal.SIGUSR1)
        return encode(one, info)

    def limit(*_: Any) -> None:
        raise raised

    before = signal.signal(signal.SIGUSR1, limit)
    try:
        with ScriptedAgent() as there:
            writer = make(there.url, interrupted, interval_s=60.0, payload_limit_bytes=limit_bytes)
            writer._queue.raw_limit = 0  # as when too much waits: this thread encodes
            one = chunk(40, pad=300)
            with pytest.raises(raised):
                writer.submit(one)
            counters = writer.counters()
            assert (counters.accepted, counters.sent, counters.dropped, counters.queued) == (40, 0, {}, 40)
            assert writer.flush(60)
            assert sorted(there.spans()) == ids(one)
            counters = writer.counters()
            assert (counters.accepted, counters.sent, counters.dropped, counters.queued) == (40, 40, {}, 0)
    finally:
        signal.signal(signal.SIGUSR1, before)
