"""A program that works and ends as it is told: `program.py STOP [fork|spawn|forkserver|pool|double]`."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time

if os.environ.get("TORTURE_INSTALL"):
    import otel_dd_distro

    otel_dd_distro.install()

from work import note, stopping, unit

PROCESSES = 2


def say(line: str) -> None:
    """In one write, that the lines of several processes stay whole."""
    os.write(1, f"{line}\n".encode())


def some(first: int) -> None:
    for number in range(first, first + 10):
        say(unit(number))


def child(first: int, stop: str) -> None:
    some(first)
    if stop == "SIGKILL of a worker":
        note("waiting", "")
        time.sleep(60)
    elif stop == "os._exit":
        os._exit(3)
    elif stop == "unhandled exception":
        raise RuntimeError("this child ends here")


def numbered(number: int) -> str:
    return unit(number)


def processes(way: str, stop: str) -> None:
    context = multiprocessing.get_context(way)
    started = [context.Process(target=child, args=(100 * (n + 1), stop)) for n in range(PROCESSES)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    say(str([process.exitcode for process in started]))


def pool() -> None:
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as workers:
        say(str(sorted(workers.map(numbered, range(100, 120)))))


def double_fork() -> None:
    """As daemons are made: the child goes at once, the grandchild works on."""
    reading, writing = os.pipe()
    if (middle := os.fork()) == 0:
        some(100)
        if os.fork():
            os._exit(0)
        os.close(reading)
        some(200)
        sys.exit(0)
    os.close(writing)
    os.waitpid(middle, 0)
    # Ends when the grandchild has ended.
    os.read(reading, 1)


def main(stop: str, way: str = "") -> None:
    some(0)
    # Longer than what is between two payloads.
    time.sleep(1.2)
    if way == "pool":
        pool()
    elif way == "double":
        double_fork()
    elif way:
        processes(way, stop)
    some(10)
    if stop in ("SIGTERM", "SIGINT"):
        note("ready", "")
        time.sleep(60)
    stopping()
    if not way and stop == "os._exit":
        os._exit(3)
    if not way and stop == "unhandled exception":
        raise RuntimeError("this program ends here")


if __name__ == "__main__":
    main(*sys.argv[1:])
