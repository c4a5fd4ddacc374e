"""All exporters beside the Agent's. What they need themselves is imported with the first of them (`outlet.py`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..clock import clock
from ..interruptions import pass_on

if TYPE_CHECKING:
    from ..gathering.processor import Sink
    from ..local_trace.chunk import Chunk
    from .outlet import Outlet

log = logging.getLogger("otel_dd_distro")

_LEAST_WAIT_S = 0.5
"""Kept back for the last spans of outlets, should the Agent use up all of the time that there is."""


class Outlets:
    """The outlets of a process, emptied after the road that fills them: once it is flushed, all chunks are decided."""

    def __init__(self, road: Sink) -> None:
        self._road = road
        self._outlets: tuple[Outlet, ...] = ()
        self._has_failed = False

    def __bool__(self) -> bool:
        return bool(self._outlets)

    def add(self, outlet: Outlet) -> None:
        self._outlets = (*self._outlets, outlet)

    def take(self, chunk: Chunk, maps: Sequence[Mapping[str, Any]]) -> None:
        """Hand a decided chunk to all of them; what breaks is not the Agent's loss."""
        for outlet in self._outlets:
            try:
                outlet.take(chunk, maps)
            except Exception as error:  # noqa: BLE001
                pass_on(error)
                self._say(error)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was handed on before has been sent; False if that took longer than `timeout_s`."""
        end = clock.monotonic() + timeout_s
        done = self._road.flush(timeout_s)
        for outlet in self._outlets:
            done = outlet.flush(max(0.0, end - clock.monotonic())) and done
        return done

    def shutdown(self, timeout_s: float) -> None:
        """Send what there is and end, within `timeout_s` but for an exporter that does not stop when it is told to."""
        end = clock.monotonic() + timeout_s
        kept_back = min(_LEAST_WAIT_S, timeout_s / 2) if self._outlets else 0.0
        self._road.shutdown(timeout_s - kept_back)
        for number, outlet in enumerate(self._outlets):
            try:
                outlet.shutdown(max(0.0, end - clock.monotonic()) / (len(self._outlets) - number))
            except Exception as error:  # noqa: BLE001
                pass_on(error)
                self._say(error)

    def _say(self, error: Exception) -> None:
        if not self._has_failed:
            self._has_failed = True
            log.warning("Another span exporter failed (logged only once): %s: %s", type(error).__name__, error)
