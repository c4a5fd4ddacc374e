"""Exceptions of the application that come while our code runs: a signal handler of its own raises a job's time limit.

They are none of our mistakes. Swallowed, the job would never end.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from functools import partial
from types import CodeType, MethodType, TracebackType
from typing import Any


def pass_on(error: BaseException) -> None:
    """Raise `error` again if a signal handler raised it."""
    if is_interruption(error):
        raise error


def is_interruption(error: BaseException) -> bool:
    """Whether a signal handler raised it."""
    if threading.current_thread() is not threading.main_thread():
        return False  # Python runs signal handlers in no other
    handlers = set(_codes())
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code in handlers:
            return True
        traceback = traceback.tb_next
    return False


def _codes() -> Iterator[CodeType]:
    """The code of the signal handlers that are written in Python."""
    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        if not callable(handler):
            continue
        while isinstance(handler, (partial, MethodType)):
            handler = handler.func if isinstance(handler, partial) else handler.__func__
        code = getattr(handler, "__code__", None) or getattr(type(handler).__call__, "__code__", None)
        if code is not None:
            yield code
