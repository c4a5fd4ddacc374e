"""Threads: functions that are given to a thread pool, a thread or a timer run in the caller's context."""

from __future__ import annotations

from .families import context
from .kernel.instrumentor import Instrumentor

_start, _work = context.handed_over()
# A worker thread is started by whoever comes first, and works for everybody.
_apart = context.apart()
_first = context.carried(0, "func")


class FuturesInstrumentor(Instrumentor):
    hooks = {
        # The work of a thread is not `run`, which subclasses replace.
        "threading": {"Thread.start": _start, "Thread._bootstrap_inner": _work},
        "concurrent.futures.thread": {
            "ThreadPoolExecutor.submit": context.carried(0, "fn"),
            "ThreadPoolExecutor._adjust_thread_count": _apart,
        },
        # Its jobs are pickled and left as they are; the thread that waits for them calls everybody's callbacks.
        "concurrent.futures.process": {"ProcessPoolExecutor.submit": _apart},
        "multiprocessing.pool": {
            "ThreadPool.__init__": _apart,
            "ThreadPool.apply_async": _first,
            "ThreadPool.map": _first,
            "ThreadPool.map_async": _first,
            "ThreadPool.starmap": _first,
            "ThreadPool.starmap_async": _first,
            "ThreadPool.imap": _first,
            "ThreadPool.imap_unordered": _first,
        },
    }
