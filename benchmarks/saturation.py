"""What a gunicorn worker still serves when it is traced: requests a second, and how long the slow ones take.

Usage: saturation.py --bare PYTHON --ours PYTHON --ddtrace PYTHON --contrib PYTHON [--rounds N]. One worker with two
threads serves the Flask page of programs.py. At saturation four connections ask as fast as they are answered; then,
with fresh workers, one asks at a steady 150 a second. `at once` is ours with every trace translated and packed by the
thread that ends it, as the application's threads do when more spans wait than may; else the export thread does it.
`unexported` is ours with all that the export thread would do left out: what that thread costs is the difference.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from applications import command, environment
from sink import serve

SIDES = ("bare", "ours", "at once", "unexported", "plain", "ddtrace", "contrib")
VARIANTS = ("at once", "unexported")
"""Of ours."""
CONNECTIONS = 4
SATURATED_S = 5.0
STEADY_S = 8.0
STEADY_RATE = 150
REQUEST = b"GET /shelves/7?page=2 HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1.0\r\n\r\n"
CONFIGURATION = """
import os

def post_fork(server, worker):
    variant = os.environ.get("BENCH_VARIANT")
    if not variant:
        return
    from otel_dd_distro.export.writer import Writer

    submit = Writer.submit

    def at_once(writer, chunk):
        writer._queue.raw_limit = 0
        submit(writer, chunk)

    Writer.submit = at_once if variant == "at once" else lambda writer, chunk: None
"""


@contextmanager
def worker(side: str, python: Path, sink: str) -> Iterator[int]:
    """gunicorn under a side's launcher; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder, "gunicorn.conf.py")
        configuration.write_text(CONFIGURATION)
        options = ["--config", configuration, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
        options += ["--threads", "2", "--keep-alive", "60", "--log-level", "error", "--no-control-socket"]
        # Not as arguments: opentelemetry-instrument takes some of them for its own.
        environ = environment(side, sink) | {"GUNICORN_CMD_ARGS": " ".join(map(str, options))}
        if side in VARIANTS:
            environ["BENCH_VARIANT"] = side
        started = subprocess.Popen(
            [
                *command(side, python),
                str(python.with_name("gunicorn")),
                "programs:flask_application()",
            ],
            cwd=Path(__file__).parent,
            env=environ,
        )
        try:
            answering(port)
            yield port
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(20)


def answering(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                asked(connection)
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def asked(connection: socket.socket) -> None:
    """One request and its whole answer."""
    connection.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer or b"</p>" not in answer:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("the server closed the connection")
        answer += part
    assert answer.startswith(b"HTTP/1.1 200"), answer


def loaded(port: int, seconds: float, rate: float, told: multiprocessing.connection.Connection) -> None:
    """In a process of its own: asks and tells how long each answer took, in seconds. Rate 0: as fast as it goes."""
    taken: list[float] = []

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begin = due = time.perf_counter()
            while (now := time.perf_counter()) < begin + seconds:
                if rate:
                    due += 1 / rate
                    if now < due:
                        time.sleep(due - now)
                    now = time.perf_counter()
                asked(connection)
                taken.append(time.perf_counter() - now)

    threads = [threading.Thread(target=ask) for _ in range(1 if rate else CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.send(taken)


def measured(port: int, seconds: float, rate: float) -> list[float]:
    here, there = multiprocessing.Pipe()
    asking = multiprocessing.Process(target=loaded, args=(port, seconds, rate, there))
    asking.start()
    taken: list[float] = here.recv()
    asking.join()
    return sorted(taken)


def run(side: str, python: Path, sink: str) -> dict[str, float]:
    with worker(side, python, sink) as port:
        measured(port, 2.0, 0)  # warm, and its first payload sent
        saturated = measured(port, SATURATED_S, 0)
    with worker(side, python, sink) as port:
        measured(port, 2.0, STEADY_RATE)
        steady = measured(port, STEADY_S, STEADY_RATE)
    return {
        "requests_per_second": len(saturated) / SATURATED_S,
        "p99_saturated_ms": saturated[int(len(saturated) * 0.99)] * 1e3,
        "p50_steady_ms": steady[len(steady) // 2] * 1e3,
        "p99_steady_ms": steady[int(len(steady) * 0.99)] * 1e3,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for side in ("bare", "ours", "ddtrace", "contrib"):
        arguments.add_argument(f"--{side}", type=Path, required=True, metavar="PYTHON")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--only", nargs="*", choices=SIDES, default=SIDES)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    pythons = {"bare": given.bare, **dict.fromkeys(("ours", *VARIANTS, "plain"), given.ours)}
    pythons |= {"ddtrace": given.ddtrace, "contrib": given.contrib}
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    process.start()
    sink = f"http://127.0.0.1:{here.recv()}"
    results: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES if side in given.only}
    for _ in range(given.rounds):
        for side in results:
            results[side].append(run(side, pythons[side], sink))
    process.kill()
    medians = {
        side: {what: statistics.median(one[what] for one in runs) for what in runs[0]} for side, runs in results.items()
    }
    first = given.only[0]
    print(f"{'':11}{'requests/s':>11}{f'of {first}':>9}{'p99 ms':>8}   at {STEADY_RATE}/s: {'p50 ms':>7}{'p99 ms':>8}")
    for side, one in medians.items():
        of_bare = one["requests_per_second"] / medians[first]["requests_per_second"]
        print(
            f"{side:11}{one['requests_per_second']:11.0f}{of_bare:9.2f}{one['p99_saturated_ms']:8.2f}"
            f"{one['p50_steady_ms']:18.2f}{one['p99_steady_ms']:8.2f}"
        )
    if given.json:
        given.json.write_text(json.dumps(medians, indent=1) + "\n")


if __name__ == "__main__":
    main()
