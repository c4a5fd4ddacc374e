"""What the page is told as it happens: server-sent events with the rows that have changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from .store import Store

PAUSE_S = 0.25
"""Between two events: what changes meanwhile is told once."""
_HEARTBEAT_S = 15.0


class Watcher:
    """One open page: which rows it has not been told of. Never more than there are traces, however slow it is."""

    def __init__(self) -> None:
        self.changed: set[int] = set()
        self.wake = asyncio.Event()


class Stream:
    """All pages that are open. `close` ends them, so that the server can end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watchers: set[Watcher] = set()
        self._is_closed = False
        store.changed.append(self._note)

    def _note(self, changed: set[int]) -> None:
        for watcher in self._watchers:
            watcher.changed |= changed
            watcher.wake.set()

    def close(self) -> None:
        self._is_closed = True
        self._note(set())

    async def events(self) -> AsyncIterator[str]:
        """First all rows, then those that have changed."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield self._event("all", {trace.id for trace in self._store})
            while not self._is_closed:
                try:
                    await asyncio.wait_for(watcher.wake.wait(), _HEARTBEAT_S)
                except asyncio.TimeoutError:
                    yield ": still here\n\n"
                    continue
                watcher.wake.clear()
                changed, watcher.changed = watcher.changed, set()
                yield self._event("changed", changed)
                await asyncio.sleep(PAUSE_S)
        finally:
            self._watchers.discard(watcher)

    def _event(self, kind: str, ids: set[int]) -> str:
        rows: list[dict[str, Any]] = []
        gone: list[str] = []
        for trace_id in ids:
            trace = self._store.get(trace_id)
            if trace is None:
                gone.append(f"{trace_id:016x}")
            else:
                rows.append(trace.summary())
        told = {"rows": rows, "gone": gone, "totals": self._store.totals()}
        # JSON has no line breaks of its own, which would end the event.
        return f"event: {kind}\ndata: {json.dumps(told)}\n\n"
