"""Fail open: exceptions of our own code are logged, once a minute for each place, and the application goes on."""

from __future__ import annotations

import logging

from .clock import clock
from .interruptions import pass_on

_logger = logging.getLogger("otel_instrumentors")

INTERVAL = 60.0
"""Seconds between two lines about the same place."""

_last_said: dict[str, float] = {}


def report(where: str, error: BaseException) -> None:
    """Say that our code broke at `where`: one line a minute for each place, whatever it breaks on.

    Not in the error's own words, which may quote what the application handles (a header, a key): those are for
    debugging. What a signal handler of the application has raised meanwhile is not ours: it goes on to the application.
    """
    pass_on(error)
    now = clock.monotonic()
    if now - _last_said.get(where, -INTERVAL) < INTERVAL:
        return
    _last_said[where] = now
    _logger.warning(
        "Tracing failed in %s, the application's call goes on without it: %s in %s",
        where,
        type(error).__name__,
        _line(error),
    )
    if _logger.isEnabledFor(logging.DEBUG):
        _logger.debug("Tracing failed in %s: %s", where, text(error))


def _line(error: BaseException) -> str:
    """Where the error was raised: `module:line`."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return "?" if traceback is None else f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"


def text(value: object) -> str:
    """`value` as text; where making it text raises, what it is instead."""
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001
        pass_on(error)
        return f"<{type(value).__name__} that cannot be made text>"


def place(function: object) -> str:
    """How log lines name a function: its module and qualified name."""
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"
