"""CPU time and peak memory that tracing adds to the start of `import flask`, side by side in interleaved runs.

Usage: startup.py --ours PYTHON --ddtrace PYTHON [--contrib PYTHON] [--runs N]. Each PYTHON is that of an environment
with Flask and its side installed; all must be of one Python version. User and system time of the process that starts,
of all that it becomes and waits for, and the most memory that it had at any time (`ru_maxrss`); medians of the runs.
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


def sides(ours: Path, ddtrace: Path, contrib: Path | None, program: str) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Name -> command and variables."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
    # What upstream's loader costs alone: no configurator, no instrumentor.
    nothing = {**plain, "OTEL_SDK_DISABLED": "true", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}
    found = {
        "bare ours": ([str(ours), program], plain),
        "bare ddtrace": ([str(ddtrace), program], plain),
        "empty distro": ([launcher(ours, "opentelemetry-instrument"), str(ours), program], nothing),
        "ours": ([launcher(ours, "opentelemetry-instrument"), str(ours), program], plain),
        "one start": ([str(ours), "-m", "otel_dd_distro", program], plain),
        "ddtrace": ([launcher(ddtrace, "ddtrace-run"), str(ddtrace), program], plain),
    }
    if contrib is not None:
        found["bare otel"] = ([str(contrib), program], plain)
        # Otherwise it looks for gRPC, and where that is missing traces nothing.
        over_http = {**plain, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        found["otel"] = ([launcher(contrib, "opentelemetry-instrument"), str(contrib), program], over_http)
    return found


def launcher(python: Path, name: str) -> str:
    return str(python.with_name(name))


def measured(commands: dict[str, tuple[list[str], dict[str, str]]], runs: int) -> dict[str, Cost]:
    """The median cost of each side."""
    taken: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, (command, environ) in commands.items():
            taken[name].append(cost(command, environ))
    # The first run of each side compiles and fills the page cache.
    return {name: Cost(*map(statistics.median, zip(*costs[1:], strict=True))) for name, costs in taken.items()}


def added(costs: dict[str, Cost]) -> dict[str, Cost]:
    """What each side costs beyond its own environment's bare Python."""
    bare = {name: costs.get(f"bare {name}", costs["bare ours"]) for name in costs}
    return {name: costs[name].over(bare[name]) for name in costs if not name.startswith("bare ")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--ddtrace", type=Path, required=True)
    parser.add_argument("--contrib", type=Path)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.py")
        program.write_text(PROGRAM)
        commands = sides(options.ours, options.ddtrace, options.contrib, str(program))
        found = added(measured(commands, options.runs))
    for name, value in found.items():
        ratio = value.cpu / found["ddtrace"].cpu
        print(f"{name:12} adds {value.cpu * 1000:4.0f} ms CPU, {ratio:.2f}x ddtrace, and {value.memory:4.1f} MiB")
    if options.json:
        told = {what: {name: getattr(value, what) for name, value in found.items()} for what in Cost._fields}
        options.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
