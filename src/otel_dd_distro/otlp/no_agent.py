"""Stands in for the Agent if only other exporters are used: it opens no socket and accepts everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..export.agent import Agent, Answer
from ..export.info import AgentInfo
from ..export.writer import Writer

if TYPE_CHECKING:
    from ..export.queue import Encoded
    from ..local_trace.chunk import Chunk
    from ..settings import Settings

EMPTY = b"\x90"
"""A trace without spans: what there is to send of any."""


class NoAgent(Agent):
    """Its `/info` is the default; it sends nothing anywhere, and never asks for a sampling rate."""

    def read_info(self, timeout_s: float | None = None) -> AgentInfo:
        return AgentInfo()

    def send_traces(self, parts: Sequence[bytes], traces: int, rates_version: str, *_: Any, **__: Any) -> Answer:
        return Answer(200, b"{}", None, None)


def writer_to_nobody(settings: Settings, encode: Callable[[Chunk, AgentInfo], bytes | Encoded]) -> Writer:
    """A writer that has its chunks encoded in the background, and sends nothing; `sent` counts what was handed on."""
    return Writer(
        encode,
        NoAgent(),
        interval_s=settings.writer_interval_seconds,
        shutdown_limit_s=settings.shutdown_timeout_seconds,
    )
