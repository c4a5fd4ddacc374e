"""What the runtime does, read when it is asked for; of what only grows, what came since the last reading.

Source: ddtrace 4.16, `runtime.python.*`.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

GENERATIONS = range(3)
_NS = 1_000_000_000


class _Process(NamedTuple):
    """Since the process began: CPU time in seconds, context switches."""

    cpu_user: float
    cpu_system: float
    voluntary: int
    involuntary: int


class Pauses:
    """How long the garbage collector held the program up, in nanoseconds since it was last asked."""

    def __init__(self) -> None:
        self._began = 0
        self._total = 0
        self._longest = 0
        gc.callbacks.append(self._noted)

    def _noted(self, phase: str, _info: object) -> None:
        now = time.perf_counter_ns()
        if phase == "start":
            self._began = now
        elif self._began:
            took, self._began = now - self._began, 0
            self._total += took
            self._longest = max(self._longest, took)

    def take(self) -> tuple[int, int]:
        """The total and the longest pause; both begin anew."""
        total, longest = self._total, self._longest
        self._total = self._longest = 0
        return total, longest

    def stop(self) -> None:
        if self._noted in gc.callbacks:
            gc.callbacks.remove(self._noted)


class Readings:
    """Reads all metrics. What is told as a difference is told from the reading before, or from the start."""

    def __init__(self) -> None:
        self._pauses = Pauses()
        self.restart()

    def restart(self) -> None:
        """Count from now: in a forked child nothing of the parent's is its own."""
        self._collections = _collections()
        self._process = _process()
        self._at = time.monotonic()
        self._pauses.take()

    def take(self) -> dict[str, float]:
        """By name; of what this platform cannot tell there is nothing."""
        told: dict[str, float] = {}
        collections = _collections()
        for generation, count in zip(GENERATIONS, gc.get_count()):  # noqa: B905
            told[f"runtime.python.gc.count.gen{generation}"] = count
        for generation, (now, before) in enumerate(zip(collections, self._collections)):  # noqa: B905
            told[f"runtime.python.gc.collections.gen{generation}"] = max(0, now - before)
        self._collections = collections
        total, longest = self._pauses.take()
        told["runtime.python.gc.pause.time"] = total
        told["runtime.python.gc.pause.max"] = longest
        told.update(self._of_process())
        return told

    def _of_process(self) -> dict[str, float]:
        before, at = self._process, self._at
        now, self._at = _process(), time.monotonic()
        self._process = now
        system, user = now.cpu_system - before.cpu_system, now.cpu_user - before.cpu_user
        elapsed = self._at - at
        told: dict[str, float] = {
            "runtime.python.cpu.time.sys": system,
            "runtime.python.cpu.time.user": user,
            "runtime.python.cpu.percent": (system + user) / elapsed * 100 if elapsed > 0 else 0.0,
            "runtime.python.thread_count": _threads(),
        }
        if (resident := _resident()) is not None:
            told["runtime.python.mem.rss"] = resident
        if now.voluntary >= 0:
            told["runtime.python.cpu.ctx_switch.voluntary"] = now.voluntary - before.voluntary
            told["runtime.python.cpu.ctx_switch.involuntary"] = now.involuntary - before.involuntary
        return told

    def stop(self) -> None:
        self._pauses.stop()


def _collections() -> Sequence[int]:
    return [generation["collections"] for generation in gc.get_stats()]


def _process() -> _Process:
    try:
        import resource
    except ImportError:  # Windows
        times = os.times()
        return _Process(times.user, times.system, -1, -1)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return _Process(used.ru_utime, used.ru_stime, used.ru_nvcsw, used.ru_nivcsw)


def _threads() -> int:
    """Those of the operating system where it tells them, else Python's."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _resident() -> int | None:
    """Resident memory in bytes; None where the operating system does not tell it."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read(200).split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None
