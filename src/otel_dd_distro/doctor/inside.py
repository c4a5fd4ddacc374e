"""Inside the program that the doctor started: what its instrumentors say, written where the doctor reads it."""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
from typing import Any

from .command import INSIDE


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
    """Ask the program when it has had its time to load, or at its end; then it is over."""
    wanted = json.loads(os.environ.pop(INSIDE))
    written = threading.Lock()

    def write() -> None:
        if written.acquire(blocking=False):
            found = {"loaded": _loaded(), "counters": _counters(), "lines": lines}
            with open(f"{wanted['path']}.part", "w", encoding="utf-8") as file:
                json.dump(found, file)
            os.replace(f"{wanted['path']}.part", wanted["path"])

    def end() -> None:
        write()
        os._exit(0)

    atexit.register(write)
    timer = threading.Timer(wanted["seconds"], end)
    timer.daemon = True
    timer.start()


def _loaded() -> dict[str, Any]:
    from .instrumentors import reports

    return reports()


def _counters() -> dict[str, Any]:
    from .. import pipeline, settings

    if not settings.current().enabled:
        return {}
    counters = pipeline.counters()._asdict()
    return {**counters, "dropped": dict(counters["dropped"])}
