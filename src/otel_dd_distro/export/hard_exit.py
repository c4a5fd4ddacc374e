"""`os._exit`, without losing the spans of the last second."""

from __future__ import annotations

import os
import signal
import threading
import weakref
from collections.abc import Callable
from types import MethodType
from typing import NoReturn

from .. import forks

_exit = os._exit
_acts: list[Callable[[], Callable[[], object] | None]] = []


def before_hard_exit(act: Callable[[], object]) -> None:
    """Have `act` done when this process ends with `os._exit`, which runs nothing else: no `atexit`, no finalizers.

    To be asked for where there is something to lose, a method as long as its object lives; a forked child begins anew.
    So end the processes of multiprocessing, of billiard (Celery's workers: each after its tasks, with
    `max_tasks_per_child`), those of many who fork by hand, and programs that do not wait for their threads.
    """
    if not any(known() == act for known in _acts):
        _acts[:] = [known for known in _acts if known() is not None]
        _acts.append(weakref.WeakMethod(act) if isinstance(act, MethodType) else lambda: act)
    if os._exit is _exit:
        os._exit = _exit_after_act


def _exit_after_act(status: int) -> NoReturn:
    forks.check()
    # Whoever comes second does not wait.
    acts = _acts[:]
    _acts.clear()
    try:
        if acts and threading.current_thread() is threading.main_thread():
            # The parent may ask once more for what is under way: billiard sends SIGTERM to a child that said goodbye.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for known in acts:
            act = known()
            if act is not None:
                act()
    finally:
        _exit(status)


def _begin_anew() -> None:
    _acts.clear()
    # Unless somebody has put another in its place, which ends here.
    if os._exit is _exit_after_act:
        os._exit = _exit


forks.on_fork(_begin_anew)
