"""Encodes chunks as traces, each within the size limits of the Agent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..interruptions import is_interruption
from .queue import Encoded

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from ..local_trace.chunk import Chunk
    from .agent_state import AgentState
    from .info import AgentInfo
    from .queue import Queue

PAUSE_EVERY = 200
"""Spans that are encoded in one go, in about a millisecond; the pause after them costs as much as encoding ten."""


class Encoding:
    """Moves what waits on, by `encode`: in the export thread and, where much waits, in the threads that submit."""

    def __init__(
        self, encode: Callable[[Chunk, AgentInfo], bytes | Encoded], queue: Queue, agent_state: AgentState
    ) -> None:
        self._encode = encode
        self._queue = queue
        self._agent_state = agent_state

    def all_that_waits(self) -> None:
        unpaused = 0
        for _ in range(self._queue.chunks()):
            chunk = self._queue.take()
            if chunk is None:
                return
            self.one(chunk)
            unpaused += len(chunk.spans)
            if unpaused >= PAUSE_EVERY:
                # Let a thread of the application have the interpreter now, not after the switch interval of 5 ms.
                unpaused = 0
                time.sleep(0)

    def one(self, chunk: Chunk) -> None:
        """Encode a chunk that the queue has counted; it comes back as one trace or, above the limit, as several.

        Raises what a signal handler of the application raises meanwhile; the chunk then waits again.
        """
        spans = len(chunk.spans)
        try:
            encoded = self._encode(chunk, self._agent_state.info)
        except BaseException as error:
            if not isinstance(error, Exception) or is_interruption(error):
                self._queue.take_back(chunk)
                raise
            # One span that cannot be encoded must not stop the others.
            self._queue.drop("encode", spans, f"cannot encode a trace: {type(error).__name__}: {error}"[:300])
            return
        if not isinstance(encoded, Encoded):
            encoded = Encoded(encoded, spans)
        size, limit = len(encoded.data), self._agent_state.body_limit
        if size <= limit:
            self._queue.put_encoded(encoded, spans)
        elif spans > 1:
            first, second = _halves(chunk, encoded)
            try:
                self.one(first)
            except BaseException:
                self._queue.take_back(second)
                raise
            self.one(second)
        else:
            self._queue.drop("too_large", 1, f"a span of {size} bytes is above the limit of {limit}")


def _halves(chunk: Chunk, encoded: Encoded) -> tuple[Chunk, Chunk]:
    """The spans of a chunk in two, each half with the other's spans at hand as possible parents."""
    is_whole = encoded.spans == len(chunk.spans) if encoded.is_counted else None
    middle = len(chunk.spans) // 2
    first, second = chunk.spans[:middle], chunk.spans[middle:]

    def half(spans: list[ReadableSpan], others: list[ReadableSpan]) -> Chunk:
        known = {span.context.span_id: span for span in others if span.context is not None}
        parents = {**chunk.parents, **known}
        return chunk._replace(spans=spans, partial=True, parents=parents, is_whole=is_whole, is_again=True)

    return half(first, second), half(second, first)
