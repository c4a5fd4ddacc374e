"""CPU time that tracing adds to the start of `python -c "import flask"`, side by side in interleaved runs.

Usage: startup.py --ours PYTHON --ddtrace PYTHON [--runs N]. Each PYTHON is that of an environment with Flask and its
side installed; both must be of one Python version. User and system time of the whole process tree, median of the runs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
from pathlib import Path

PROGRAM = "import flask"


def cpu_seconds(command: list[str], environ: dict[str, str]) -> float:
    """User and system time of a command and what it waits for, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def sides(ours: Path, ddtrace: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Name -> command and variables."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
    instrument = str(ours.with_name("opentelemetry-instrument"))
    return {
        "bare": ([str(ours), "-c", PROGRAM], plain),
        "bare, ddtrace's environment": ([str(ddtrace), "-c", PROGRAM], plain),
        # What upstream's loader costs alone: no configurator, no instrumentor.
        "empty distro": (
            [instrument, str(ours), "-c", PROGRAM],
            {**plain, "OTEL_SDK_DISABLED": "true", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
        ),
        "ours": ([instrument, str(ours), "-c", PROGRAM], plain),
        "ddtrace-run": ([str(ddtrace.with_name("ddtrace-run")), str(ddtrace), "-c", PROGRAM], plain),
    }


def measured(ours: Path, ddtrace: Path, runs: int) -> dict[str, float]:
    """Median CPU seconds of each side."""
    commands = sides(ours, ddtrace)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, (command, environ) in commands.items():
            taken[name].append(cpu_seconds(command, environ))
    # The first run of each side compiles and fills the page cache.
    return {name: statistics.median(values[1:]) for name, values in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--ddtrace", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seconds = measured(options.ours, options.ddtrace, options.runs)
    added = {
        "empty distro": seconds["empty distro"] - seconds["bare"],
        "ours": seconds["ours"] - seconds["bare"],
        "ddtrace-run": seconds["ddtrace-run"] - seconds["bare, ddtrace's environment"],
    }
    for name, value in added.items():
        print(f"{name:14} adds {value * 1000:6.0f} ms CPU   {value / added['ddtrace-run']:.2f}x ddtrace-run")
    if options.json:
        options.json.write_text(json.dumps({"seconds": seconds, "added": added}, indent=1) + "\n")


if __name__ == "__main__":
    main()
