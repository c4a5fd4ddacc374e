"""What tracing adds to the calls of real libraries, in microseconds of CPU a call, five sides in turns.

Usage: applications.py --bare PYTHON --ours PYTHON --ddtrace PYTHON --contrib PYTHON [--rounds N] [--only ROW ...]. Each
PYTHON is that of an environment with the libraries and its side installed. Every program (programs.py) is started by
the side's own launcher, unchanged; Redis, PostgreSQL and Kafka are real, a sink in a process of its own takes what the
sides send, and counts their spans: who records less or drops some is seen. Some rows have a side more, `at once`: ours
with every trace translated and packed by the thread that ends it, instead of many together by the export thread.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from programs import PROGRAMS, WARM_UP
from sink import serve

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import servers

CALLS = 1_500
SIDES = ("bare", "ours", "plain", "ddtrace", "contrib")
AT_ONCE = "at once"
ALSO_AT_ONCE = ("Flask request", "redis GET", "psycopg SELECT", "Jinja2 render")


class Run(NamedTuple):
    total: float
    own: float
    spans: float
    """Delivered, for each call."""
    size: float
    """Bytes on the wire for each span."""


def environment(side: str, sink: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
    return {
        **kept,
        "DD_TRACE_AGENT_URL": sink,
        "DD_SERVICE": "bench",
        "OTEL_SERVICE_NAME": "bench",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink,
        "BENCH_PAGE": f"{sink}/page",
        **({"OTEL_DD_LIGHT_TRACER": "false"} if side == "plain" else {}),
        **(
            {
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_METRICS_EXPORTER": "none",
                "OTEL_LOGS_EXPORTER": "none",
            }
            if side == "contrib"
            else {}
        ),
    }


def command(side: str, python: Path) -> list[str]:
    """How a side starts `python`."""
    if side == "bare":
        return [str(python)]
    launcher = "ddtrace-run" if side == "ddtrace" else "opentelemetry-instrument"
    return [str(python.with_name(launcher)), str(python)]


def run(row: str, side: str, python: Path, sink: str) -> Run:
    program = [str(Path(__file__).with_name("programs.py")), row, "--calls", str(CALLS)]
    if side == AT_ONCE:
        program.append("--at-once")
    environ = environment(side, sink)
    if row == "Django request":
        environ |= {"DJANGO_SETTINGS_MODULE": "django_settings", "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [*command(side, python), *program], env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise SystemExit(f"{row}, {side} failed:\n{done.stderr}")
    taken = json.loads(done.stdout.splitlines()[-1])
    with urllib.request.urlopen(f"{sink}/counted") as counted:
        came = json.load(counted)
    return Run(taken["total"], taken["own"], came["spans"] / (CALLS + WARM_UP), came["bytes"] / (came["spans"] or 1))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for side in ("bare", "ours", "ddtrace", "contrib"):
        arguments.add_argument(f"--{side}", type=Path, required=True, metavar="PYTHON")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--only", nargs="*", choices=PROGRAMS, default=list(PROGRAMS))
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    pythons = {"bare": given.bare, **dict.fromkeys(("ours", "plain", AT_ONCE), given.ours)}
    pythons |= {"ddtrace": given.ddtrace, "contrib": given.contrib}

    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    process.start()
    sink = f"http://127.0.0.1:{here.recv()}"
    results: dict[str, dict[str, list[Run]]] = {}
    with ExitStack() as started:
        for name in ("redis_server", "postgresql", "kafka_server"):
            started.enter_context(servers.running(name))
        for row in given.only:
            sides = (*SIDES, AT_ONCE) if row in ALSO_AT_ONCE else SIDES
            runs: dict[str, list[Run]] = {side: [] for side in sides}
            for _ in range(given.rounds):
                for side in sides:
                    runs[side].append(run(row, side, pythons[side], sink))
            results[row] = runs
            shown(row, runs)
    process.kill()
    if given.json:
        given.json.write_text(json.dumps({row: summary(runs) for row, runs in results.items()}, indent=1) + "\n")


def summary(runs: dict[str, list[Run]]) -> dict[str, dict[str, float]]:
    """The medians of each side; `added` is what it takes beyond the bare program."""
    medians = {
        side: Run(*(statistics.median(values) for values in zip(*all_, strict=True))) for side, all_ in runs.items()
    }
    bare = medians["bare"]
    return {
        side: {**one._asdict(), "added": one.total - bare.total, "added_own": one.own - bare.own}
        for side, one in medians.items()
    }


def paired(runs: dict[str, list[Run]], side: str) -> float:
    """What ours adds, of what a side adds: the median of the rounds, each of which has measured both in turn."""
    rounds = zip(runs["bare"], runs["ours"], runs[side], strict=True)
    return statistics.median((ours.total - bare.total) / (other.total - bare.total) for bare, ours, other in rounds)


def shown(row: str, runs: dict[str, list[Run]]) -> None:
    rows: dict[str, Any] = summary(runs)
    print(f"{row}: {rows['bare']['total']:.0f} us of CPU a call without tracing", flush=True)
    print(f"  {'':9}{'added us':>9}{'on thread':>10}{'spans':>7}{'bytes/span':>11}{'ours is':>9}")
    for side in list(runs)[1:]:
        one = rows[side]
        ratio = "" if side == "ours" else f"{paired(runs, side):8.2f}x"
        print(
            f"  {side:9}{one['added']:9.1f}{one['added_own']:10.1f}{one['spans']:7.2f}{one['size']:11.0f} {ratio}",
            flush=True,
        )


if __name__ == "__main__":
    main()
