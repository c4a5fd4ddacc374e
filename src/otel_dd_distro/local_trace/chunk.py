"""A piece of a local trace on its way to the Agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from .datadog_context import DatadogContext


class Chunk(NamedTuple):
    """Finished spans of one local trace, at least one, in the order in which they ended."""

    spans: list[ReadableSpan]
    context: DatadogContext
    """Shared by all chunks of the local trace; its priority may still be undecided."""
    partial: bool
    """Whether spans of the same local trace are still open."""
    parents: Mapping[int, ReadableSpan]
    """The spans of this local trace that are still open, by span id: a child's service may depend on them."""
    root: ReadableSpan | None = None
    """The span that the local trace began with, open or not; None where a foreign processor cut the chunk."""
    is_whole: bool | None = None
    """Of a part of a chunk that was too large to be sent at once, and whose spans are in the stats already: whether all
    of them are to be sent."""
    is_again: bool = False
    """Whether these spans were part of a larger chunk, and were encoded with it."""
