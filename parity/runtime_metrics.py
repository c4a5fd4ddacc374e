"""Runtime metrics of ddtrace and of ours, of one process over one interval, as they arrive at two UDP sockets.

Usage: python -m parity.runtime_metrics, in an environment with both. Prints each metric beside the other's, and ends
with status 1 where a name, a kind, a tag or a value differs. The two are read one after the other, so that some values
may move between; rounds in which the machine was busy just then are repeated, a few times.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

ROUNDS = 5
PREFIX = "runtime.python."
IDENTITY = {"DD_SERVICE": "shop", "DD_ENV": "prod", "DD_VERSION": "1.4"}
ITS_OWN = "tracer_version"
"""The tag that differs by its nature."""


class Metric(NamedTuple):
    """One line of a datagram."""

    value: float
    kind: str
    tags: frozenset[str]


class Allowed(NamedTuple):
    """How far two readings of one thing may be apart: by a part of the larger one, or absolutely."""

    part: float = 0.0
    absolute: float = 0.0


ALLOWED: Mapping[str, Allowed] = {
    # Objects are made between the readings; the collector rests.
    "gc.count.gen0": Allowed(absolute=1_000),
    # Each measures in a callback of its own, one inside of the other.
    "gc.pause.time": Allowed(0.3, 1e6),
    "gc.pause.max": Allowed(0.3, 1e6),
    "mem.rss": Allowed(0.02, 2**20),
    "cpu.time.sys": Allowed(0.05, 0.05),
    "cpu.time.user": Allowed(0.05, 0.05),
    "cpu.percent": Allowed(0.1, 3),
    "cpu.ctx_switch.voluntary": Allowed(0.05, 10),
    "cpu.ctx_switch.involuntary": Allowed(0.1, 20),
}
"""All others are the same."""


def parsed(datagrams: bytes) -> dict[str, Metric]:
    """Lines `name:value|kind|#tag,tag`, by name."""
    found = {}
    for line in datagrams.decode().splitlines():
        name, _, rest = line.partition(":")
        value, kind, tags = rest.split("|", 2)
        told = tags.removeprefix("#").split(",")
        found[name] = Metric(float(value), kind, frozenset(tag for tag in told if not tag.startswith(ITS_OWN)))
    return found


def differences(theirs: Mapping[str, Metric], ours: Mapping[str, Metric]) -> list[str]:
    """A line for each; none where both say the same."""
    lines = [f"{name} comes from ddtrace alone" for name in sorted(theirs.keys() - ours.keys())]
    lines += [f"{name} comes from ours alone" for name in sorted(ours.keys() - theirs.keys())]
    for name in sorted(theirs.keys() & ours.keys()):
        one, other = theirs[name], ours[name]
        if one.kind != other.kind:
            lines.append(f"{name} is {one.kind} of ddtrace, {other.kind} of ours")
        if one.tags != other.tags:
            lines.append(f"{name} has other tags: {', '.join(sorted(one.tags ^ other.tags))}")
        allowed = ALLOWED.get(name.removeprefix(PREFIX), Allowed())
        apart = abs(one.value - other.value)
        if apart > max(allowed.absolute, allowed.part * max(abs(one.value), abs(other.value))):
            lines.append(f"{name} is {one.value:g} of ddtrace, {other.value:g} of ours")
    return lines


def listening() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind(("127.0.0.1", 0))
    opened.settimeout(60)
    return opened


def url(opened: socket.socket) -> str:
    return f"udp://127.0.0.1:{opened.getsockname()[1]}"


def received(opened: socket.socket, names: int) -> bytes:
    """The datagrams that have so many metrics."""
    datagrams = b""
    while datagrams.count(PREFIX.encode()) < names:
        datagrams += opened.recv(65_536).rstrip(b"\n") + b"\n"
    return datagrams


def work() -> list[bytearray]:
    """Something to be seen in each metric; what is returned takes memory."""
    for generation, times in ((0, 30), (1, 7), (2, 5)):
        for _ in range(times):
            gc.collect(generation)
    taken = [bytearray(os.urandom(1024)) * 1024 for _ in range(64)]
    sum(number * number for number in range(3_000_000))
    for _ in range(100):
        time.sleep(0.001)
    return taken


def main() -> int:
    os.environ.update(IDENTITY)
    from ddtrace.internal.runtime.constants import DEFAULT_RUNTIME_METRICS
    from ddtrace.internal.runtime.runtime_metrics import RuntimeWorker

    from otel_dd_distro import settings
    from otel_dd_distro.runtime_metrics.reporter import Reporter

    number = len(DEFAULT_RUNTIME_METRICS)
    with listening() as for_theirs, listening() as for_ours:
        # Neither is started: they report when they are told to, at the same time.
        theirs = RuntimeWorker(dogstatsd_url=url(for_theirs))
        ours = Reporter(settings.read({**os.environ, "DD_DOGSTATSD_URL": url(for_ours)}))
        sides: list[tuple[socket.socket, Callable[[], None]]] = [(for_theirs, theirs.flush), (for_ours, ours.report)]
        lines: list[str] = []
        for _ in range(ROUNDS):
            measured = [parsed(datagrams) for datagrams in _measured(sides, number)]
            lines = differences(*measured)
            if not lines:
                break
    for name in sorted(measured[0].keys() | measured[1].keys()):
        values = [f"{side[name].value:>16.10g}" if name in side else f"{'-':>16}" for side in measured]
        print(f"{name:45}{''.join(values)}")
    print(*lines or ["Both send the same metrics with the same tags and values."], sep="\n")
    return 1 if lines else 0


def _measured(sides: list[tuple[socket.socket, Callable[[], None]]], number: int) -> list[bytes]:
    """What each side says of one interval with work in it, and threads."""
    gc.disable()
    go_on = threading.Event()
    threads = [threading.Thread(target=go_on.wait) for _ in range(7)]
    try:
        for _, report in sides:
            report()
        for opened, _ in sides:
            received(opened, number)
        for thread in threads:
            thread.start()
        taken = work()
        for _, report in sides:
            report()
        del taken
        return [received(opened, number) for opened, _ in sides]
    finally:
        go_on.set()
        for thread in threads:
            thread.join()
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
