"""The services of the spans around a span: those of its chunk, and of its parents that are still open."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from ..local_trace.chunk import Chunk
from ..local_trace.datadog_context import NO_PARENT
from .services import Named, ResourceDefaults, Services

NO_PARENTS = (0, NO_PARENT)
"""What stands for a parent's id where there is none."""


class ChunkServices(dict[int, Named]):
    """The services of a chunk's spans by span id, those already translated and the parents that others ask for.

    A parent may still be open, or start later than its child says it did. Where it is neither (sent before), the
    service of the local root is the best guess: what was inherited along the way.
    """

    __slots__ = ("_chunk", "_finished", "_services", "defaults", "steering", "trace_state")

    def __init__(self, services: Services, chunk: Chunk) -> None:
        self._services = services
        self._chunk = chunk
        self._finished: dict[int, ReadableSpan] | None = None
        self.defaults: ResourceDefaults | None = None
        """What the last of the spans shares with others of its resource."""
        self.trace_state: object = None
        """The trace state that was told last: the spans below inherit it, and need not tell it again."""
        self.steering: list[dict[str, Any]] = []
        """The attributes of those spans that ask for the trace to be kept or dropped."""

    def __missing__(self, span_id: int) -> Named:
        chunk = self._chunk
        if self._finished is None:
            self._finished = {span.context.span_id: span for span in chunk.spans if span.context is not None}
        waiting: dict[int, ReadableSpan] = {}
        named: Named | None = None
        asked: int | None = span_id
        while asked is not None and asked not in waiting:
            named = self.get(asked)
            if named is not None:
                break
            span = self._finished.get(asked) or chunk.parents.get(asked)
            if span is None:
                named = self._of_root()
                self[asked] = named
                break
            waiting[asked] = span
            asked = _local_parent_id(span)
        for inner, span in reversed(waiting.items()):
            named = self[inner] = self._services.named(span, named)
        return self[span_id]

    def _of_root(self) -> Named:
        begun = () if self._chunk.root is None else (self._chunk.root,)
        for span in (*begun, *self._chunk.spans, *self._chunk.parents.values()):
            if _local_parent_id(span) is None:
                return self._services.named(span, None)
        return self._services.own(self._chunk.spans[0])


def _local_parent_id(span: ReadableSpan) -> int | None:
    """The id of the span around it in this process, if there is one."""
    parent = span.parent
    return None if parent is None or parent.is_remote or parent.span_id in NO_PARENTS else parent.span_id
