"""This process in its traces: its id, its runtime id, and the tag that says how it was started."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable
from typing import NamedTuple

from ...forks import on_fork
from ...settings import UNNAMED_SERVICE


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


_MOST_SIGNS = 100
_KEPT = frozenset("/._-")
_SAYS_NOTHING = frozenset({"", "/", "\\", "bin"})


def tags(service: str, is_explicit: bool) -> dict[str, str]:
    """`_dd.tags.process`: how the process was started, by its command line; as ddtrace 4.16 writes it.

    `service` is what it is called, `is_explicit` whether a person named it.
    """
    told: dict[str, Callable[[], str]] = {
        "entrypoint.basedir": lambda: os.path.basename(os.path.dirname(os.path.realpath(sys.argv[0]))),
        "entrypoint.name": _entry,
        "entrypoint.type": lambda: "module" if sys.argv[0] == "-m" else "script",
        "entrypoint.workdir": lambda: os.path.basename(os.getcwd()),
    }
    if is_explicit:
        told["svc.user"] = lambda: "true"
    else:
        told["svc.auto"] = lambda: _entry() if service == UNNAMED_SERVICE else service
    parts = [f"{key}:{_cleaned(value)}" for key, read in told.items() if (value := _read(read)) not in _SAYS_NOTHING]
    return {"_dd.tags.process": ",".join(parts)}


def _read(read: Callable[[], str]) -> str:
    try:
        return read()
    except (AttributeError, IndexError, OSError, ValueError):  # no command line, a working directory that is gone
        return ""


def _entry() -> str:
    """The script without its ending, or the module of `python -m`, which `sys.argv` does not hold at start-up yet."""
    if sys.argv[0] == "-m":
        return sys.orig_argv[sys.orig_argv.index("-m") + 1]
    return os.path.splitext(os.path.basename(sys.argv[0]))[0]


def _cleaned(value: str) -> str:
    """Lower case; letters, digits and `/._-` kept, runs of anything else one `_`, none at the ends."""
    kept = (sign if sign.isalpha() or sign.isdigit() or sign in _KEPT else "_" for sign in value[:_MOST_SIGNS].lower())
    return "_".join(part for part in "".join(kept).split("_") if part)


_current: Process
_renew()
on_fork(_renew)
