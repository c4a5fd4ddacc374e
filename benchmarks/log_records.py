"""What correlation adds to a log record, in microseconds of CPU: the ids and the service in its text.

Usage: log_records.py [--ddtrace PYTHON] [--contrib PYTHON] [--rounds N] [--json FILE]. A record of the standard
library's logging is made, formatted and written to nowhere, inside of a span and outside of one. Each side runs in an
interpreter of its own, in turns, with the format that its documentation gives; what a record costs without any
correlation, in the same interpreter as ours, is taken away. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

IDENTITY = {"DD_SERVICE": "shop", "DD_ENV": "prod", "DD_VERSION": "1.4", "OTEL_SERVICE_NAME": "shop"}
PLACES = ("inside of a span", "outside")

MEASURE = """
import json, logging, sys, time
CALLS = 5000
class Nowhere:
    last = ""
    def write(self, text): Nowhere.last = text
    def flush(self): pass
handler = logging.StreamHandler(Nowhere())
log = logging.getLogger("shop")
log.propagate = False
log.setLevel(logging.INFO)
log.addHandler(handler)
def microseconds():
    for _ in range(500): log.info("order %s of %s", 7, "tea")
    began = time.process_time()
    for _ in range(CALLS): log.info("order %s of %s", 7, "tea")
    return (time.process_time() - began) / CALLS * 1e6
def formatted(fields):
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s [%(name)s] " + fields + "- %(message)s"))
def told(span, shops=2):
    outside = microseconds()
    with span:
        inside = microseconds()
    # A field that is missing would cost a traceback.
    assert Nowhere.last.count("shop") == shops, Nowhere.last
    print(json.dumps([inside, outside]))
"""

DATADOG = "[dd.service=%(dd.service)s dd.env=%(dd.env)s dd.version=%(dd.version)s"
DATADOG += " dd.trace_id=%(dd.trace_id)s dd.span_id=%(dd.span_id)s] "
OTEL = "[trace_id=%(otelTraceID)s span_id=%(otelSpanID)s resource.service.name=%(otelServiceName)s"
OTEL += " trace_sampled=%(otelTraceSampled)s] "

BARE = MEASURE + "import contextlib; formatted(''); told(contextlib.nullcontext(), 1)"
OURS = (
    MEASURE
    + f"""
import otel_dd_distro
from opentelemetry import trace
from otel_instrumentors.logging import LoggingInstrumentor
otel_dd_distro.install()
LoggingInstrumentor().instrument()
formatted({DATADOG!r})
told(trace.get_tracer("bench").start_as_current_span("work"))
"""
)
DDTRACE = (
    MEASURE
    + f"""
import ddtrace.auto
from ddtrace import patch
from ddtrace.trace import tracer
patch(logging=True)
formatted({DATADOG!r})
told(tracer.trace("work"))
"""
)
CONTRIB = (
    MEASURE
    + f"""
from opentelemetry import trace
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
# Without its own handler, which would make a log record of OpenTelemetry's.
LoggingInstrumentor().instrument(inject_trace_context=True, enable_log_auto_instrumentation=False)
formatted({OTEL!r})
told(trace.get_tracer("bench").start_as_current_span("work"))
"""
)


def measured(python: str, program: str) -> list[float]:
    """Microseconds of a record, for each of PLACES."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
    # What is traced is not measured here: nobody has to listen.
    quiet = {"DD_TRACE_AGENT_URL": "http://127.0.0.1:1", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
    command = [python, "-c", program]
    environ = {**kept, **IDENTITY, **quiet}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    if done.returncode or "Logging error" in done.stderr:
        sys.exit(f"{python} failed:\n{done.stderr[-2000:]}")
    told: list[float] = json.loads(done.stdout.splitlines()[-1])
    return told


def added(rounds: list[Mapping[str, list[float]]], side: str, place: int) -> float:
    return statistics.median(each[side][place] - each["bare"][place] for each in rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ddtrace", metavar="PYTHON")
    parser.add_argument("--contrib", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    sides = {"bare": (sys.executable, BARE), "ours": (sys.executable, OURS)}
    if given.ddtrace:
        sides["ddtrace"] = (given.ddtrace, DDTRACE)
    if given.contrib:
        sides["contrib"] = (given.contrib, CONTRIB)
    rounds = [{side: measured(*how) for side, how in sides.items()} for _ in range(given.rounds)]
    found = {
        place: {side: added(rounds, side, number) for side in sides if side != "bare"}
        for number, place in enumerate(PLACES)
    }
    bare = statistics.median(each["bare"][0] for each in rounds)
    print(f"a record without correlation: {bare:.2f} us")
    for place, values in found.items():
        print(f"added {place:18}" + "   ".join(f"{side} {value:.2f} us" for side, value in values.items()))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
