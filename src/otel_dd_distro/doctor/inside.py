"""Inside the program that the doctor started: what its instrumentors say, written where the doctor reads it."""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
from typing import Any

from .command import INSIDE

_AHEAD_S = 0.5
"""How long before the program's end the processes that it forked are asked; they end as long after it."""


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() not in self.lines:
            self.lines.append(record.getMessage())


def listen() -> list[str]:
    """What our instrumentors log from now on."""
    lines = _Lines()
    logging.getLogger("otel_instrumentors").addHandler(lines)
    return lines.lines


def watch(lines: list[str]) -> None:
    """Ask the program when it has had its time to load, or at its end; then it is over.

    Processes that it forks, such as the workers of a server, are asked as well, a little before: what is known of each
    stands in a file of its own, whose name ends in the number of the process.
    """
    wanted = json.loads(os.environ.pop(INSIDE))
    deadline = time.monotonic() + wanted["seconds"]

    def begin(ahead_s: float) -> None:
        written = threading.Lock()

        def write() -> None:
            if written.acquire(blocking=False):
                path = f"{wanted['path']}.{os.getpid()}"
                found = {"loaded": _loaded(), "counters": _counters(), "lines": lines}
                with open(f"{path}.part", "w", encoding="utf-8") as file:
                    json.dump(found, file)
                os.replace(f"{path}.part", path)

        def end() -> None:
            write()
            time.sleep(2 * ahead_s)
            os._exit(0)

        atexit.register(write)
        timer = threading.Timer(max(deadline - ahead_s - time.monotonic(), 0), end)
        timer.daemon = True
        timer.start()

    begin(0)
    os.register_at_fork(after_in_child=lambda: begin(_AHEAD_S))


def _loaded() -> dict[str, Any]:
    from .instrumentors import reports

    return reports()


def _counters() -> dict[str, Any]:
    from .. import pipeline, settings

    if not settings.current().enabled:
        return {}
    counters = pipeline.counters()._asdict()
    return {**counters, "dropped": dict(counters["dropped"])}
