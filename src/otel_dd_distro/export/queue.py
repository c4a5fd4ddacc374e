"""The bounded queue of traces that wait for the Agent, and the counters that account for every span."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from .notices import say

if TYPE_CHECKING:
    from ..local_trace.chunk import Chunk
    from .notices import Notices

RAW_LIMIT = 4000
"""Spans that may wait unencoded; beyond, the thread that brings one encodes it, so that memory is bounded in bytes.

Not sooner: encoded between the application's own work, traces of one span take more CPU than many in a row in the
export thread (`benchmarks/results/who-encodes.md`).
"""
RAW_BYTES = 8 << 20
"""Likewise, as far as can be told from the bytes that the last ones took when they were encoded."""
_FEWEST = 50


class Counters(NamedTuple):
    """Numbers of spans since the process began or was forked. At any time, accepted = sent + dropped + queued."""

    accepted: int
    """Ended spans that were handed to the exporter."""
    sent: int
    """Spans in payloads that the Agent answered with a status of 2xx."""
    dropped: Mapping[str, int]
    """Dropped spans by reason.

    - `full`: the queue was full.
    - `too_large`: a single span was larger than a payload may be.
    - `encode`: the span could not be encoded.
    - `p0`: the trace is not sampled, and is in the stats that this process sends.
    - `ignored`: the Agent is configured to ignore such traces.
    - `refused`, `timeout`, `tls`, `network`, `status_<code>`: the last of the tries to send them failed so.
    - `shutdown`: the span ended after the shutdown.
    - `exit`: the span was not delivered before the time limit of the shutdown.
    """
    queued: int
    """Spans that wait to be sent."""
    queued_bytes: int
    """Bytes of the encoded spans that wait, those of the payload in flight included; spans not yet encoded are not."""


class Encoded(NamedTuple):
    """One trace."""

    data: bytes
    spans: int
    """How many of the chunk's spans are in it; 0: nothing is to be sent."""
    is_counted: bool = False
    """Whether all spans of the chunk are in our own stats."""
    is_ignored: bool = False
    """Whether the Agent would throw them away, counted or not."""


class Queue:
    """Chunks as they come, then traces as they are sent. Safe to use from several threads at once."""

    def __init__(self, limit_bytes: int, notices: Notices) -> None:
        self._limit_bytes = limit_bytes
        self._notices = notices
        # Reentrant, because a signal handler may end a span while its thread is inside.
        self._lock = threading.RLock()
        self._raw: deque[Chunk] = deque()
        self.waiting = 0
        """Spans that wait unencoded; only about right when threads meet, and set back with every cycle."""
        self.raw_limit = RAW_LIMIT
        """How many may."""
        self._span_bytes = 0.0
        self._encoded: deque[Encoded] = deque()
        self.held_bytes = 0
        # `_accepted` counts from the moment a chunk leaves the raw queue: before, the queue itself is the count.
        self._accepted = 0
        self._sent = 0
        self._dropped: defaultdict[str, int] = defaultdict(int)
        self.left_out = (0, 0)
        """Traces and spans that the Agent need not see, and was not told of yet."""
        self._abandoned = False

    # -- unencoded

    def put(self, chunk: Chunk) -> int:
        """Take a chunk as it is; about how many spans wait now."""
        self._raw.append(chunk)
        self.waiting = waiting = self.waiting + len(chunk.spans)
        return waiting

    def chunks(self) -> int:
        """Say that all that waits is about to be taken; the number of chunks."""
        self.waiting = 0
        return len(self._raw)

    def take(self) -> Chunk | None:
        """The oldest chunk, to be brought back encoded."""
        with self._lock:
            if not self._raw:
                return None
            chunk = self._raw.popleft()
            self._accept(len(chunk.spans))
            return chunk

    def accept(self, chunk: Chunk) -> None:
        """Count a chunk that is encoded by the thread that brings it."""
        with self._lock:
            self._accept(len(chunk.spans))

    def take_back(self, chunk: Chunk) -> None:
        """Count a chunk no longer whose encoding was interrupted, and let it wait for the export thread."""
        spans = len(chunk.spans)
        with self._lock:
            self._accept(-spans)
            self._raw.appendleft(chunk)

    def refuse(self, chunk: Chunk) -> None:
        """Count a chunk that came too late."""
        spans = len(chunk.spans)
        with self._lock:
            self._accept(spans)
            self.drop("shutdown", spans, "spans ended after the shutdown")

    # -- encoded

    def put_encoded(self, encoded: Encoded, spans: int) -> None:
        """Take what a chunk of so many spans became, if there is room."""
        size = len(encoded.data)
        with self._lock:
            if self._abandoned:
                return
            if encoded.is_ignored:
                self._dropped["ignored"] += spans
                return
            self._span_bytes += (size / spans - self._span_bytes) / 8
            self.raw_limit = min(RAW_LIMIT, max(_FEWEST, int(RAW_BYTES / (self._span_bytes or 1))))
            if encoded.spans < spans:
                self._leave_out(spans - encoded.spans, is_whole=not encoded.spans)
                if not encoded.spans:
                    return
            if self.held_bytes + size > self._limit_bytes:
                self.drop("full", encoded.spans, f"{self.held_bytes} bytes wait for the Agent")
                return
            self._encoded.append(encoded)
            self.held_bytes += size

    def traces(self) -> int:
        """The number of encoded traces that wait."""
        return len(self._encoded)

    def next_payload(self, most: int, room: int) -> list[Encoded]:
        """The oldest traces that fit into one request of `room` bytes, at most so many, all counted or all not."""
        payload: list[Encoded] = []
        with self._lock:
            while self._encoded and len(payload) < most:
                room -= len(self._encoded[0].data)
                # Alone it goes in any case: it was measured when it was encoded, and limits hardly ever shrink.
                if payload and (room < 0 or self._encoded[0].is_counted != payload[0].is_counted):
                    break
                payload.append(self._encoded.popleft())
        return payload

    def put_back(self, payload: list[Encoded]) -> None:
        with self._lock:
            if not self._abandoned:
                self._encoded.extendleft(reversed(payload))

    # -- what became of them

    def sent(self, payload: list[Encoded]) -> None:
        with self._lock:
            if self._abandoned:
                # The shutdown has counted these already.
                return
            self._let_go(payload)
            spans = sum(encoded.spans for encoded in payload)
            self._sent += spans
        say(self._notices.delivered())

    def lost(self, payload: list[Encoded], reason: str, detail: str) -> None:
        with self._lock:
            if self._abandoned:
                return
            self._let_go(payload)
            self.drop(reason, sum(encoded.spans for encoded in payload), detail, len(payload))
        say(self._notices.due())

    def told(self, left_out: tuple[int, int]) -> None:
        """The Agent knows of that many that it need not see."""
        with self._lock:
            self.left_out = (self.left_out[0] - left_out[0], self.left_out[1] - left_out[1])

    def drop(self, reason: str, spans: int, detail: str, traces: int = 1) -> None:
        with self._lock:
            if not self._abandoned or reason == "shutdown":
                self._dropped[reason] += spans
                self._notices.dropped(reason, spans, traces, detail)

    def abandon(self, reason: str) -> int:
        """Count all that is still here as dropped, whoever has it in hand; the number of spans."""
        with self._lock:
            self._abandoned = True
            while self._raw:
                self._accept(len(self._raw.popleft().spans))
            traces = len(self._encoded)
            self._encoded.clear()
            self.held_bytes = 0
            left = self._taken()
            if left:
                self._dropped[reason] += left
                self._notices.dropped(reason, left, max(traces, 1), "the process ends")
            return left

    def counters(self) -> Counters:
        """A consistent snapshot."""
        with self._lock:
            if self._abandoned:
                # A thread that was inside `put` during the shutdown may have come too late.
                self.abandon("shutdown")
            # copy() is one step under the interpreter's lock, unlike iterating a deque that others append to.
            accepted = self._accepted + sum(len(chunk.spans) for chunk in self._raw.copy())
            done = self._sent + sum(self._dropped.values())
            return Counters(accepted, self._sent, dict(self._dropped), accepted - done, self.held_bytes)

    def holds_any(self) -> bool:
        return bool(self._raw) or self._taken() > 0

    def _taken(self) -> int:
        """Spans that have left the raw queue and met no fate yet."""
        return self._accepted - self._sent - sum(self._dropped.values())

    # No call between reading a count and writing it: a span that the collector or a signal handler ends there comes in
    # by the same lock.

    def _accept(self, spans: int) -> None:
        self._accepted += spans

    def _let_go(self, payload: list[Encoded]) -> None:
        size = sum(len(encoded.data) for encoded in payload)
        self.held_bytes -= size

    def _leave_out(self, spans: int, is_whole: bool) -> None:
        """Count spans that the Agent need not see: no trouble, hence no notice."""
        self._dropped["p0"] += spans
        self.left_out = (self.left_out[0] + is_whole, self.left_out[1] + spans)
