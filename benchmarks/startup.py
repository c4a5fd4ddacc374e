"""CPU time and peak memory that tracing adds to the start of `import flask`, side by side in interleaved runs.

Usage: startup.py --ours PYTHON --ddtrace PYTHON [--runs N]. Each PYTHON is that of an environment with Flask and its
side installed; both must be of one Python version. User and system time of the process that starts and of all that it
becomes and waits for, and the most memory that it had at any time (`ru_maxrss`); medians of the runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

PROGRAM = "import flask\n"
MIB = 1024  # `ru_maxrss` counts KiB on Linux


class Cost(NamedTuple):
    cpu: float
    """Seconds."""
    memory: float
    """MiB."""

    def over(self, other: Cost) -> Cost:
        return Cost(self.cpu - other.cpu, self.memory - other.memory)


def cost(command: list[str], environ: dict[str, str]) -> Cost:
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / MIB)


def sides(ours: Path, ddtrace: Path, program: str) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Name -> command and variables."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
    instrument = str(ours.with_name("opentelemetry-instrument"))
    return {
        "bare": ([str(ours), program], plain),
        "bare, ddtrace's environment": ([str(ddtrace), program], plain),
        # What upstream's loader costs alone: no configurator, no instrumentor.
        "empty distro": (
            [instrument, str(ours), program],
            {**plain, "OTEL_SDK_DISABLED": "true", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
        ),
        "ours": ([instrument, str(ours), program], plain),
        "ours, one start": ([str(ours), "-m", "otel_dd_distro", program], plain),
        "ddtrace-run": ([str(ddtrace.with_name("ddtrace-run")), str(ddtrace), program], plain),
    }


def measured(ours: Path, ddtrace: Path, runs: int) -> dict[str, Cost]:
    """The median cost of each side."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.py")
        program.write_text(PROGRAM)
        commands = sides(ours, ddtrace, str(program))
        taken: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(runs + 1):
            for name, (command, environ) in commands.items():
                taken[name].append(cost(command, environ))
    # The first run of each side compiles and fills the page cache.
    return {name: Cost(*map(statistics.median, zip(*costs[1:], strict=True))) for name, costs in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--ddtrace", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    costs = measured(options.ours, options.ddtrace, options.runs)
    bare = {"ddtrace-run": costs["bare, ddtrace's environment"]}
    added = {
        name: costs[name].over(bare.get(name, costs["bare"]))
        for name in ("empty distro", "ours", "ours, one start", "ddtrace-run")
    }
    for name, value in added.items():
        ratio = value.cpu / added["ddtrace-run"].cpu
        print(f"{name:15} adds {value.cpu * 1000:4.0f} ms CPU, {ratio:.2f}x ddtrace-run, and {value.memory:4.1f} MiB")
    if options.json:
        told = {
            "seconds": {name: value.cpu for name, value in costs.items()},
            "added": {name: value.cpu for name, value in added.items()},
            "mebibytes added": {name: value.memory for name, value in added.items()},
        }
        options.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
