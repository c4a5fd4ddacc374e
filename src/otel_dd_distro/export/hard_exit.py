"""`os._exit` in forked children, without losing the spans of the last second."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import NoReturn

_exit = os._exit
_acts: list[Callable[[], object]] = []


def before_hard_exit(act: Callable[[], object]) -> None:
    """Have `act` done when this process ends with `os._exit`, which runs nothing else: no `atexit`, no finalizers.

    To be asked for in forked children that have something to lose. So end those of multiprocessing, of billiard
    (Celery's worker processes: each after its tasks, with `max_tasks_per_child`), and of many who fork by hand.
    """
    if act not in _acts:
        _acts.append(act)
    os._exit = _exit_after_act


def _exit_after_act(status: int) -> NoReturn:
    # Whoever comes second does not wait.
    os._exit = _exit
    try:
        if threading.current_thread() is threading.main_thread():
            # The parent may ask once more for what is under way: billiard sends SIGTERM to a child that said goodbye.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for act in _acts:
            act()
    finally:
        _exit(status)
