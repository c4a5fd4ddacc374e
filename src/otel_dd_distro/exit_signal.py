"""SIGTERM without losing the spans of the last second."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType


def before_sigterm(act: Callable[[], None]) -> None:
    """Have `act` done when SIGTERM would end the process, which it then does, with the status it always had.

    Only where nobody handles SIGTERM: a handler that the application or its server sets, before or after, stays what
    it is, and ends the process through Python's own exit.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return

    def terminate(number: int, _frame: FrameType | None) -> None:
        if os.getpid() == 1:
            # A container's first process: by default the kernel does nothing to it, so it goes on.
            return
        signal.signal(number, signal.SIG_DFL)
        try:
            act()
        finally:
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, terminate)
