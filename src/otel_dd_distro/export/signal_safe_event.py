"""An event that one thread waits for and any code may set, even a signal handler, whatever it has interrupted."""

from __future__ import annotations

import threading


class SignalSafeEvent:
    """As `threading.Event`, which a signal handler cannot set while its thread is inside `set`: there is no lock in it.

    One thread may wait at a time.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._waiter: threading.Lock | None = None

    def set(self) -> None:
        self.is_set = True
        waiter = self._waiter
        if waiter is not None:
            try:
                waiter.release()
            except RuntimeError:
                # Somebody else was faster.
                self._waiter = None

    def clear(self) -> None:
        self.is_set = False

    def wait(self, timeout_s: float, in_greenlet: bool = False) -> bool:
        """Wait until it is set, or the time is over; whether it is set.

        `in_greenlet`: the caller is a thread of ours that gevent runs as a greenlet. For it alone gevent's loop does
        not go on: `gevent.wait()` returns, and `LoopExit` is raised, as if nobody waited here.
        """
        # New each time: of the kind that holds by now, should gevent have patched the standard library.
        waiter = threading.Lock()
        waiter.acquire()
        self._waiter = waiter
        if not self.is_set:
            timeout_s = min(timeout_s, threading.TIMEOUT_MAX)
            if in_greenlet:
                from gevent import Timeout  # which made the greenlet

                with Timeout(timeout_s, False, ref=False):
                    waiter.acquire()
            else:
                waiter.acquire(timeout=timeout_s)
        self._waiter = None
        return self.is_set
