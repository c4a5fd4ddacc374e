"""Writers and forked children: each child begins anew, and delivers before it ends in whatever way."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

from .hard_exit import before_hard_exit


class Forked(Protocol):
    """What goes on in a forked child."""

    def after_fork(self) -> None: ...

    def shutdown(self) -> object: ...


_all: weakref.WeakSet[Forked] = weakref.WeakSet()


def watch(one: Forked) -> None:
    """Have `after_fork` called in every forked child, as long as there is somebody else who knows of it.

    The parent needs no hook: nothing of it waits for a lock that the fork could have copied while it was held.
    """
    _all.add(one)


def deliver_before_hard_exit() -> None:
    """To be asked for by a forked child that has something to deliver: it may end with `os._exit`."""
    before_hard_exit(_shutdown_all)


def _shutdown_all() -> None:
    for one in list(_all):
        one.shutdown()


def _after_fork_in_child() -> None:
    for one in list(_all):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
