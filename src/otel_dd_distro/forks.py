"""Resets state in a forked child, known by its process id, because not every fork runs Python's hooks (uWSGI's)."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from types import MethodType

_LONGEST_WAIT_S = 1.0

_acts: list[Callable[[], Callable[[], object] | None]] = []
_renewing = threading.Lock()
_pid = os.getpid()


def on_fork(act: Callable[[], object]) -> None:
    """Have `act` called in every forked child, for a method as long as its object lives.

    It must neither wait nor start anything: the child may be about to become another program. The parent needs no hook:
    nothing of it waits for a lock that the fork could have copied while it was held.
    """
    _acts.append(weakref.WeakMethod(act) if isinstance(act, MethodType) else lambda: act)


def check() -> None:
    """Do what is due, if this process has been forked since it was last asked, and has run no hook.

    To be called where a local root begins, and where something is handed on.
    """
    if os.getpid() != _pid:
        _renew()


def _renew() -> None:
    # Whoever has it works for a moment; a copy that nobody has is no reason to wait.
    has_lock = _renewing.acquire(timeout=_LONGEST_WAIT_S)
    try:
        if os.getpid() != _pid:
            _act()
    finally:
        if has_lock:
            _renewing.release()


def _act() -> None:
    global _pid
    for act in list(_acts):
        called = act()
        if called is None:
            _acts.remove(act)
        else:
            called()
    _pid = os.getpid()


def _after_fork_in_child() -> None:
    global _renewing
    _renewing = threading.Lock()
    _act()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
