"""The readings of the runtime, held against what the operating system tells otherwise."""

from __future__ import annotations

import gc
import os
import resource
import threading
from pathlib import Path

import pytest

from otel_dd_distro.runtime_metrics.readings import Readings

NAMES = {
    *(f"runtime.python.gc.{what}.gen{generation}" for what in ("count", "collections") for generation in range(3)),
    *(f"runtime.python.gc.pause.{what}" for what in ("time", "max")),
    *(f"runtime.python.cpu.time.{what}" for what in ("sys", "user")),
    *(f"runtime.python.cpu.ctx_switch.{what}" for what in ("voluntary", "involuntary")),
    *(f"runtime.python.{what}" for what in ("cpu.percent", "mem.rss", "thread_count")),
}


@pytest.fixture
def readings() -> Readings:
    gc.collect()
    return Readings()


def test_the_names_are_those_that_ddtrace_sends(readings: Readings) -> None:
    assert set(readings.take()) == NAMES
    readings.stop()


def test_collections_and_pauses_are_told_once(readings: Readings) -> None:
    for _ in range(3):
        gc.collect()
    told, again = readings.take(), readings.take()
    readings.stop()
    assert told["runtime.python.gc.collections.gen2"] == 3
    assert 0 < told["runtime.python.gc.pause.max"] <= told["runtime.python.gc.pause.time"]
    assert again["runtime.python.gc.collections.gen2"] == 0


def test_cpu_time_is_that_of_the_interval(readings: Readings) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    sum(number * number for number in range(2_000_000))
    told = readings.take()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
    readings.stop()
    assert 0 < told["runtime.python.cpu.time.user"] <= used + 1
    assert told["runtime.python.cpu.percent"] > 0


def test_memory_and_threads_are_those_of_the_process(readings: Readings) -> None:
    before = readings.take()["runtime.python.thread_count"]
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    told = readings.take()
    go_on.set()
    thread.join()
    readings.stop()
    assert told["runtime.python.thread_count"] == before + 1
    page = os.sysconf("SC_PAGE_SIZE")
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * page
    assert abs(told["runtime.python.mem.rss"] - resident) < 64 << 20


def test_stopped_it_leaves_nothing_with_the_collector(readings: Readings) -> None:
    readings.stop()
    readings.stop()
    assert not [callback for callback in gc.callbacks if getattr(callback, "__self__", None) is readings._pauses]
