"""The export thread: started by the first chunk, woken by later ones, and done without where no thread can start."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach, detach, set_value

from ..clock import clock
from .loading import load
from .signal_safe_event import SignalSafeEvent

if TYPE_CHECKING:
    from .cycle import Cycle
    from .tries import Ending

WAKE_AT = 300
"""Spans that wait unencoded before the export thread is woken early: what is encoded soon is still in the processor's
cache, and leaves its memory to the next spans."""

begins_with_it: list[Callable[[], object]] = []
"""What else is to begin in each process that exports: a forked child has no thread but the one that forked."""


class ExportThread:
    """Runs cycles every `interval_s` seconds, and `close` after the last one."""

    def __init__(self, cycle: Cycle, interval_s: float, ending: Ending, close: Callable[[], None]) -> None:
        self._cycle = cycle
        # Below, the thread would never rest.
        self.interval_s = max(interval_s, 0.001)
        self._ending = ending
        self._close = close
        self._exporting = threading.Lock()
        self._wake = SignalSafeEvent()
        self._ended = SignalSafeEvent()
        self._flushes: deque[SignalSafeEvent] = deque()
        """One for each flush that is waited for."""
        self.thread: threading.Thread | None = None
        """None before the start, and where there can be none."""
        self._started_in = 0
        """The native thread that started it."""

    def start(self) -> None:
        """Start it. Not to be called by two threads at once."""
        thread = threading.Thread(target=self._run, name="otel-dd-export", daemon=True)
        # At once: under gevent its start lets other greenlets in here, which no lock keeps from starting more.
        self.thread = thread
        self._started_in = threading.get_native_id()
        # Where threads carry their starter's context, this one would keep a trace for ever.
        token = attach(Context())
        try:
            thread.start()
        except RuntimeError:
            # No more threads, or the interpreter is ending: flush and stop will do the thread's work.
            self.thread = None
        finally:
            detach(token)

    def wake(self) -> None:
        if not self._wake.is_set:
            self._wake.set()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that is queued now was sent, or dropped and counted. False if that took too long."""
        thread = self.thread
        if thread is None:
            return self._export_here(clock.monotonic() + timeout_s)
        if thread is threading.current_thread():
            return False
        if not self._cycle.holds_any():
            return True
        done = SignalSafeEvent()
        self._flushes.append(done)
        self._wake.set()
        try:
            return done.wait(timeout_s)
        finally:
            self._flushes.remove(done)

    def stop(self) -> None:
        """Wait for the last cycle, no longer than to the deadline; the ending has begun."""
        end, thread = self._ending.deadline, self.thread
        self._wake.set()
        if thread is None:
            self._export_here(end)
        elif thread is not threading.current_thread():
            # Not join(): once a signal handler has raised out of it, Python 3.11 takes the thread for an ended one.
            self._ended.wait(max(0.0, end - clock.monotonic()))
        self.thread = None

    def _run(self) -> None:
        number = threading.get_ident()
        try:
            self._run_cycles()
        finally:
            if threading.get_ident() != number:
                # gevent has patched the standard library, which at the end looks for the thread by its new number.
                running: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]
                running[threading.get_ident()] = running.pop(number)
            self._ended.set()

    def _run_cycles(self) -> None:
        # gevent's greenlets share the thread of who starts them. One that it has found at work is still a thread.
        in_greenlet = threading.get_native_id() == self._started_in
        # Not in the midst of the application's start.
        self._wake.wait(self.interval_s, in_greenlet)
        load()
        for begin in begins_with_it:
            begin()
        due = -math.inf
        # For the whole life of the thread: our own requests are nobody's spans.
        with _suppressed():
            stopping = False
            while not stopping:
                self._wake.clear()
                stopping = self._ending.has_begun
                flushes = self._flushes.copy()
                everything = stopping or bool(flushes)
                now = clock.monotonic()
                sends = everything or now >= due or self._cycle.is_pressing()
                if sends:
                    due = now + self.interval_s
                load()
                with self._exporting:
                    done = self._cycle.run(math.inf, everything=everything, sends=sends)
                if done:
                    for flush in flushes:
                        flush.set()
                if not stopping:
                    self._wake.wait(max(0.0, due - clock.monotonic()), in_greenlet)
        self._close()

    def _export_here(self, end: float) -> bool:
        """The export thread's work in the caller's thread, for processes that can have no thread (any more)."""
        if not self._cycle.holds_any():
            return True
        if not self._exporting.acquire(timeout=max(0.0, end - clock.monotonic())):
            return False
        try:
            load()
            with _suppressed():
                return self._cycle.run(end, everything=True)
        finally:
            self._close()
            self._exporting.release()


@contextmanager
def _suppressed() -> Iterator[None]:
    # Both keys that instrumentors look at. opentelemetry.instrumentation.utils does the same, but loads much else.
    token = attach(set_value("suppress_instrumentation", True, set_value(_SUPPRESS_INSTRUMENTATION_KEY, True)))
    try:
        yield
    finally:
        detach(token)
