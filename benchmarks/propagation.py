"""What reading and writing trace headers costs, beside ddtrace, in microseconds of CPU.

Usage: propagation.py [--ddtrace PYTHON] [--rounds N]. Each side runs in an interpreter of its own, in turns, with its
default styles and a decided trace; `--ddtrace` names one that has ddtrace. Medians of the rounds, and their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

CARRIERS = {
    "datadog and w3c": {
        "x-datadog-trace-id": "1234567890123456789",
        "x-datadog-parent-id": "987654321987654321",
        "x-datadog-sampling-priority": "1",
        "x-datadog-tags": "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-1",
        "traceparent": "00-640cfd8d00000000112210f47de98115-0db4da5f7ef412b1-01",
        "tracestate": "dd=p:0db4da5f7ef412b1;s:1;t.dm:-1",
    },
    "w3c alone": {
        "traceparent": "00-640cfd8d00000000112210f47de98115-0db4da5f7ef412b1-01",
        "tracestate": "dd=p:0db4da5f7ef412b1;s:1;t.dm:-1,other=1",
    },
    "with baggage": {
        "traceparent": "00-640cfd8d00000000112210f47de98115-0db4da5f7ef412b1-01",
        "baggage": "user.id=42,session.id=abc,region=eu%20west",
    },
    "nothing": {"accept": "*/*", "host": "shop.example"},
}

MEASURE = """
import json, sys, time
carriers = json.loads(sys.argv[1])
CALLS = 3000
def microseconds(act):
    for _ in range(300): act()
    began = time.process_time()
    for _ in range(CALLS): act()
    return (time.process_time() - began) / CALLS * 1e6
"""

OURS = (
    MEASURE
    + """
from otel_dd_distro import propagation, settings
propagator = propagation.from_settings(settings.read({}))
def both(carrier):
    context = propagator.extract(carrier)
    return microseconds(lambda: propagator.extract(carrier)), microseconds(lambda: propagator.inject({}, context))
print(json.dumps({name: both(carrier) for name, carrier in carriers.items()}))
"""
)

DDTRACE = (
    MEASURE
    + """
from ddtrace.propagation.http import HTTPPropagator
def both(carrier):
    read, write = HTTPPropagator.extract, HTTPPropagator.inject
    context = read(carrier)
    return microseconds(lambda: read(carrier)), microseconds(lambda: write(context, {}))
print(json.dumps({name: both(carrier) for name, carrier in carriers.items()}))
"""
)


def measured(python: str, program: str) -> dict[str, tuple[float, float]]:
    """Carrier -> microseconds of an extraction and of an injection."""
    command = [python, "-c", program, json.dumps(CARRIERS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    told: dict[str, tuple[float, float]] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ddtrace", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    sides = {"ours": (sys.executable, OURS)}
    if given.ddtrace:
        sides["ddtrace"] = (given.ddtrace, DDTRACE)
    rounds = [{side: measured(*how) for side, how in sides.items()} for _ in range(given.rounds)]
    print(f"{'':18}" + "".join(f"{side} extract, inject      " for side in sides))
    together: dict[str, dict[str, float]] = {}
    for name in CARRIERS:
        medians = {
            side: [statistics.median(each[side][name][part] for each in rounds) for part in (0, 1)] for side in sides
        }
        together[name] = {side: sum(parts) for side, parts in medians.items()}
        cells = "   ".join(f"{extract:9.2f} {inject:9.2f} us" for extract, inject in medians.values())
        ratio = f"   together {sum(medians['ours']) / sum(medians['ddtrace']):.2f}x" if given.ddtrace else ""
        print(f"{name:18}{cells}{ratio}")
    if given.json:
        given.json.write_text(json.dumps(together, indent=1) + "\n")


if __name__ == "__main__":
    main()
