from __future__ import annotations

import signal
import threading
import time
from types import FrameType

from otel_dd_distro.export.signal_safe_event import SignalSafeEvent


def test_who_waits_is_woken_by_another_thread() -> None:
    event = SignalSafeEvent()
    threading.Timer(0.05, event.set).start()
    assert event.wait(30)
    assert event.is_set


def test_what_is_set_already_is_not_waited_for() -> None:
    event = SignalSafeEvent()
    event.set()
    event.set()
    assert event.wait(float("inf"))
    event.clear()
    began = time.monotonic()
    assert not event.wait(0.02)
    assert time.monotonic() - began >= 0.02


def test_a_signal_handler_may_set_it_whatever_it_interrupts() -> None:
    event = SignalSafeEvent()
    woken = handled = 0

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal handled
        handled += 1
        event.set()

    def wait() -> None:
        nonlocal woken
        while woken < 200:
            if event.wait(0.01):
                event.clear()
                woken += 1

    waiting = threading.Thread(target=wait)
    previous = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        waiting.start()
        while waiting.is_alive() or handled < 200:
            event.set()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    waiting.join()
    assert woken == 200
