"""This process, as its traces name it."""

from __future__ import annotations

import os
import uuid
from typing import NamedTuple


class Process(NamedTuple):
    id: int
    runtime_id: str
    """32 hex digits, new for each process."""


def current() -> Process:
    """The process we are in."""
    return _current


def _renew() -> None:
    global _current
    _current = Process(os.getpid(), uuid.uuid4().hex)


_current: Process
_renew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
