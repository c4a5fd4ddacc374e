"""uWSGI, whose workers do not always run what other processes do: threads, and Python's exit."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

SHORT_INTERVAL_S = 0.1
"""Between two payloads where nothing runs at the exit: what is lost then came after the last one."""

_NO_THREADS = "uWSGI runs without --enable-threads: spans are sent only while requests are served and at the exit"
_NO_EXIT = ("skip-atexit", "async", "gevent", "asyncio")
"""Options with which no code of Python's runs when a worker is stopped."""


def trouble(uwsgi: ModuleType) -> str:
    """What is wrong with how uWSGI was started, "" for nothing."""
    return "" if getattr(uwsgi, "has_threads", True) else _NO_THREADS


def interval_s(uwsgi: ModuleType, wanted: float) -> float:
    """Seconds between two payloads."""
    options = getattr(uwsgi, "opt", {})
    return min(wanted, SHORT_INTERVAL_S) if any(name in options for name in _NO_EXIT) else wanted


def before_exit(uwsgi: ModuleType, act: Callable[[], object]) -> None:
    """Have `act` done when a worker ends, also with --skip-atexit-teardown, by which Python's own exit is left out."""
    others = getattr(uwsgi, "atexit", None)
    if not (isinstance(others, _Exit) and others.act == act):
        uwsgi.atexit = _Exit(act, others)  # type: ignore[attr-defined]


class _Exit:
    """What uWSGI calls: ours, and what was there before."""

    def __init__(self, act: Callable[[], object], others: Callable[[], object] | None) -> None:
        self.act = act
        self._others = others

    def __call__(self) -> None:
        try:
            self.act()
        finally:
            if self._others is not None:
                self._others()
