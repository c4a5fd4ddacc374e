"""Record how ddtrace decides traces: run with a Python that has ddtrace 4.16, writes ddtrace.json."""

from __future__ import annotations

import json
import os
import pathlib
import random
import subprocess
import sys
from typing import Any

HERE = pathlib.Path(__file__).parent

_chance = random.Random(20261123)
TRACE_IDS = [_chance.getrandbits(128) for _ in range(120)] + [_chance.getrandbits(64) for _ in range(72)]
TRACE_IDS += [1, 2, 9, 2**63, 2**64 - 1, 2**64 + 1, 2**127 + 5, 2**128 - 1]

SERVICES = ("shop", "checkout-eu", "Checkout", "billing")
NAMES = ("flask.request", "celery.run", "work")
RESOURCES = ("GET /cart", "GET /health", "POST /cart/<id>", "tasks.send")
TEAMS = ("blue", "Red", None)

GROUPS: dict[str, dict[str, str]] = {
    "nothing": {},
    "half": {"DD_TRACE_SAMPLING_RULES": '[{"sample_rate": 0.5}]', "DD_TRACE_RATE_LIMIT": "-1"},
    "services": {
        "DD_TRACE_SAMPLING_RULES": json.dumps(
            [
                {"sample_rate": 0.25, "service": "checkout*"},
                {"sample_rate": 0, "service": "bil?ing"},
                {"sample_rate": 1, "service": "SHOP"},
            ]
        ),
        "DD_TRACE_RATE_LIMIT": "-1",
    },
    "resources and names": {
        "DD_TRACE_SAMPLING_RULES": json.dumps(
            [
                {"sample_rate": 0, "resource": "* /health"},
                {"sample_rate": 0.765432, "name": "flask.*", "resource": "get *"},
                {"sample_rate": 0.1, "name": "c*y.r?n"},
            ]
        ),
        "DD_TRACE_RATE_LIMIT": "-1",
    },
    "tags": {
        "DD_TRACE_SAMPLING_RULES": json.dumps(
            [
                {"sample_rate": 0.9, "tags": {"team": "blue", "size": "1?"}},
                {"sample_rate": 0.3, "tags": {"share": "0.*"}},
                {"sample_rate": 0.6, "tags": {"share": "*", "team": "*"}},
                {"sample_rate": 0.01, "tags": {"size": 3}},
            ]
        ),
        "DD_TRACE_RATE_LIMIT": "-1",
    },
    "provenance": {
        "DD_TRACE_SAMPLING_RULES": json.dumps(
            [
                {"sample_rate": 0.2},
                {"sample_rate": 0.4, "service": "s*", "provenance": "dynamic"},
                {"sample_rate": 0.8, "service": "*t*", "provenance": "customer"},
            ]
        ),
        "DD_TRACE_RATE_LIMIT": "-1",
    },
    "limit of none": {"DD_TRACE_SAMPLING_RULES": '[{"sample_rate": 0.5}]', "DD_TRACE_RATE_LIMIT": "0"},
    "sampler of opentelemetry": {
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.35",
        "DD_TRACE_RATE_LIMIT": "-1",
    },
    "single spans": {
        "DD_TRACE_SAMPLING_RULES": '[{"sample_rate": 0}]',
        "DD_SPAN_SAMPLING_RULES": json.dumps(
            [
                {"service": "shop", "name": "flask*", "sample_rate": 0.5},
                {"service": "c*", "sample_rate": 0.25, "max_per_second": 100000},
                {"name": "work"},
            ]
        ),
    },
}
KEYS = ("_dd.rule_psr", "_dd.limit_psr", "_dd.agent_psr")
SINGLE = ("_dd.span_sampling.mechanism", "_dd.span_sampling.rule_rate", "_dd.span_sampling.max_per_second")


def root(number: int) -> dict[str, Any]:
    """What the local root of the trace of this number is like."""
    return {
        "service": SERVICES[number % 4],
        "name": NAMES[number % 3],
        "resource": RESOURCES[number // 4 % 4],
        "team": TEAMS[number // 2 % 3],
        "size": number % 20,
        "share": (number % 8) / 8,
    }


def decide() -> list[list[Any]]:
    """Priority, decision maker, rate, metrics of the decision and of the single span; for each trace."""
    from ddtrace._trace.processor import TraceSamplingProcessor
    from ddtrace._trace.span import Span
    from ddtrace.internal.sampling import get_span_sampling_rules

    processor = TraceSamplingProcessor(False, get_span_sampling_rules(), False)
    decided = []
    for number, trace_id in enumerate(TRACE_IDS):
        like = root(number)
        span = Span(like["name"], like["service"], like["resource"], trace_id=trace_id, span_id=trace_id % 2**64)
        if like["team"] is not None:
            span.set_tag("team", like["team"])
        span.set_metric("size", like["size"])
        span.set_metric("share", like["share"])
        processor.process_trace([span])
        decided.append(
            [
                span.context.sampling_priority,
                span.context._meta["_dd.p.dm"],
                span.get_tag("_dd.p.ksr"),
                {key: span.get_metric(key) for key in KEYS if span.get_metric(key) is not None},
                {key: span.get_metric(key) for key in SINGLE if span.get_metric(key) is not None},
            ]
        )
    return decided


def main() -> None:
    if len(sys.argv) > 1:
        print("RECORD " + json.dumps(decide()))
        return
    recorded = {}
    for group, environ in GROUPS.items():
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
        quiet = {"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "DD_REMOTE_CONFIGURATION_ENABLED": "false"}
        command = [sys.executable, __file__, group]
        out = subprocess.run(command, env=clean | quiet | environ, stdout=subprocess.PIPE, text=True, check=True).stdout
        line = next(line for line in out.splitlines() if line.startswith("RECORD "))
        recorded[group] = json.loads(line.removeprefix("RECORD "))
    text = ",\n".join(
        f"{json.dumps(group)}: [\n" + ",\n".join(json.dumps(trace) for trace in traces) + "\n]"
        for group, traces in recorded.items()
    )
    (HERE / "ddtrace.json").write_text("{" + text + "}\n")


if __name__ == "__main__":
    main()
