"""The writer: sends finished chunks to the Agent in the background; what the rest of the package knows of `export`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING

from .. import forks
from ..clock import clock
from .agent_state import AgentState
from .cycle import Cycle
from .encoding import Encoding
from .hard_exit import before_hard_exit
from .notices import Notices, say
from .queue import Queue
from .shared_times import WAITED_IN_VAIN, SharedTimes
from .stats_delivery import StatsDelivery
from .thread import WAKE_AT, ExportThread
from .trace_delivery import TraceDelivery
from .tries import Ending

if TYPE_CHECKING:
    from ..local_trace.chunk import Chunk
    from ..stats import Stats
    from .agent import Agent
    from .info import AgentInfo
    from .queue import Counters, Encoded

SHUTDOWN_RESERVE_S = 0.05
"""Kept back from the shutdown limit, to count and report what is left."""
SHORTEST_SHUTDOWN_S = 0.1
"""Where a parent or a child has just waited in vain: the stop of them all is bounded, not of each."""
_JUST_S = 10.0


class Writer:
    """Sends chunks to the Agent in the background.

    `encode` turns a chunk into the msgpack of one trace, an array of span maps, given as the bytes alone if all spans
    are in it. It runs in the export thread and, under overload, in the threads that submit: it must be safe to call
    from several threads at once. `stats` is what it counts spans in, if it does.
    Constructing it starts nothing: the thread comes with the first chunk, in a forked child with the child's first.
    """

    def __init__(
        self,
        encode: Callable[[Chunk, AgentInfo], bytes | Encoded],
        agent: Agent,
        *,
        stats: Stats | None = None,
        interval_s: float = 1.0,
        queue_limit_bytes: int = 20 << 20,
        payload_limit_bytes: int = 20 << 20,
        shutdown_limit_s: float = 2.0,
    ) -> None:
        self._encode = encode
        self._agent = agent
        self._stats = stats
        self._interval_s = interval_s
        self._queue_limit = queue_limit_bytes
        self._shutdown_limit_s = shutdown_limit_s
        self._times = SharedTimes()
        self._notices = Notices(agent.url, self._times)
        self._agent_state = AgentState(agent, payload_limit_bytes, self._notices)
        self._closed = False
        self.ended_by: Callable[[], object] | None = None
        """What brings the last spans and then calls `shutdown`, where the process ends with `os._exit`."""
        self._begin()
        forks.on_fork(self.after_fork)

    def _begin(self) -> None:
        # Reentrant, because a signal handler may end a span while its thread is inside.
        self._lock = threading.RLock()
        self._ending = Ending()
        self._queue = Queue(self._queue_limit, self._notices)
        self._encoding = Encoding(self._encode, self._queue, self._agent_state)
        traces = TraceDelivery(self._agent, self._agent_state, self._queue, self._ending, self._stats)
        counts = None
        if self._stats is not None:
            counts = StatsDelivery(self._agent, self._stats, self._ending, self._notices)
        self._cycle = Cycle(self._queue, self._encoding, traces, counts, self._agent_state, self._ending, self._notices)
        self._thread = ExportThread(self._cycle, self._interval_s, self._ending, self._agent.close)

    @property
    def rates(self) -> Mapping[str, float]:
        """Sampling rates by `service:<service>,env:<env>`, as last heard from the Agent; empty until then."""
        return self._agent_state.rates.table

    def expect(self) -> None:
        """There will be chunks: what has ended of them by then is sent where the process ends with `os._exit`."""
        before_hard_exit(self.ended_by or self.shutdown)

    def submit(self, chunk: Chunk) -> None:
        """Take a chunk. Never blocks on the Agent, never raises for it."""
        forks.check()
        if self._thread.thread is None and not self._start():
            self._queue.refuse(chunk)
        elif self._queue.waiting >= self._queue.raw_limit:
            self._submit_encoded(chunk)
        elif self._queue.put(chunk) > WAKE_AT:
            self._thread.wake()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that is queued now was sent, or dropped and counted. False if that took too long."""
        forks.check()
        return self._thread.flush(timeout_s)

    def shutdown(self, timeout_s: float | None = None) -> bool:
        """Send what is queued and stop. False if something was left, which is then dropped as "exit".

        `timeout_s` bounds the whole call (default: the writer's `shutdown_limit_s`); less where a process that this one
        was forked from, or that was forked from it, has just waited in vain. Asked again meanwhile, by a signal
        handler say, it waits for the same end.
        """
        forks.check()
        limit_s = self._shutdown_limit_s if timeout_s is None else timeout_s
        if self._times.age_s(WAITED_IN_VAIN) < _JUST_S:
            limit_s = min(limit_s, SHORTEST_SHUTDOWN_S)
        with self._lock:
            # In this order: who interrupts it, and asks for the same, waits for what has begun.
            if not self._ending.has_begun:
                self._ending.begin(clock.monotonic() + max(0.0, limit_s - SHUTDOWN_RESERVE_S))
            self._closed = True
        self._thread.stop()
        with self._lock:
            is_uncounted = self._cycle.holds_counts()
            if is_uncounted:
                self._notices.trouble("the last counts of spans (stats) are lost: the process ends")
            left = self._queue.abandon("exit")
        if left or is_uncounted:
            self._times.note(WAITED_IN_VAIN)
        say(self._notices.last())
        return not left and not is_uncounted

    def counters(self) -> Counters:
        """A consistent snapshot."""
        forks.check()
        return self._queue.counters()

    def after_fork(self) -> None:
        """In a forked child: the parent keeps its queue, its counters and its connection; none of them is ours."""
        self._begin()
        self._notices.forget()
        if self._stats is not None:
            self._stats.after_fork()
        self._agent.after_fork()

    def _start(self) -> bool:
        """Start the export thread if there is none. False after the shutdown."""
        with self._lock:
            if self._closed:
                return False
            if self._thread.thread is None:
                self.expect()
                if "uwsgi" in sys.modules:
                    self._serve_under_uwsgi(sys.modules["uwsgi"])
                self._thread.start()
            return True

    def _serve_under_uwsgi(self, server: ModuleType) -> None:
        from . import uwsgi  # which most processes do not need

        uwsgi.before_exit(server, self.ended_by or self.shutdown)
        self._thread.interval_s = uwsgi.interval_s(server, self._thread.interval_s)
        trouble = uwsgi.trouble(server)
        if trouble:
            self._notices.trouble(trouble)

    def _submit_encoded(self, chunk: Chunk) -> None:
        with self._lock:
            if self._closed:
                self._queue.refuse(chunk)
                return
            self._queue.accept(chunk)
        self._encoding.one(chunk)
        if self._cycle.is_pressing():
            self._thread.wake()
