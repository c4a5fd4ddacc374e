"""What a span costs, recorded, translated and delivered: CPU of the whole process and of the application's thread.

Usage: span.py [--ddtrace PYTHON] [--otlp PYTHON] [--rounds N] [--only SIDE ...] [--attributes KIND]. A trace is a root
and nine children with six attributes each, made as users make them: the application's own, or those of a convention
(`http`, `db`). `instrumentor`: as other people's instrumentors make them, with a kind and attributes at the start, and
the status at the end. Every run is a process of its own, the sides take turns, a
sink in a process of its own answers, and counts the spans that reached it: a span that was dropped is not a cheap one.
The application rests after every 500 spans, so that each side can keep up. `--ddtrace` and `--otlp` name interpreters
that have ddtrace, and the OpenTelemetry SDK with its OTLP exporter; without, these sides are left out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from sink import serve

CHILDREN = 9
SPANS = 20_000
REST_EVERY = 500
REST_S = 0.06
WARM_UP = 1_000
LONG_TRACE = 50_000
KINDS: dict[str, dict[str, Any]] = {
    "own": {
        "shop.customer": "c-1234567",
        "shop.item": "SKU-00001",
        "shop.quantity": 3,
        "shop.currency": "EUR",
        "shop.total": 119.9,
        "shop.campaign": "autumn",
    },
    "http": {
        "http.request.method": "GET",
        "url.path": "/cart/7",
        "server.address": "shop.example",
        "http.route": "/cart/{id}",
        "network.protocol.version": "1.1",
        "server.port": 8080,
    },
    "db": {
        "db.system.name": "postgresql",
        "db.namespace": "shop",
        "db.query.text": "SELECT name, price FROM items WHERE id = %s",
        "db.operation.name": "SELECT",
        "server.address": "db.example",
        "server.port": 5432,
    },
    "instrumentor": {
        "http.request.method": "GET",
        "url.full": "http://shop.example:8080/cart/7",
        "server.address": "shop.example",
        "server.port": 8080,
        "network.protocol.version": "1.1",
    },
}
KIND = os.environ.get("SPAN_ATTRIBUTES", "own")
ATTRIBUTES = KINDS[KIND]
SIDES = ("light", "plain", "unsampled", "long", "ddtrace", "otlp")


# --- one run of one side


def otel_traces(tracer: Any) -> Callable[[int], None]:
    from opentelemetry.trace import SpanKind

    def instrumented(children: int) -> None:
        with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT, attributes=dict(ATTRIBUTES)) as root:
            for _ in range(children):
                with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT, attributes=dict(ATTRIBUTES)) as span:
                    span.set_attribute("http.response.status_code", 200)
            root.set_attribute("http.response.status_code", 200)

    def trace(children: int) -> None:
        with tracer.start_as_current_span("shop.order") as root:
            root.set_attributes(dict(ATTRIBUTES))
            for _ in range(children):
                with tracer.start_as_current_span("shop.step") as span:
                    span.set_attributes(dict(ATTRIBUTES))

    return instrumented if KIND == "instrumentor" else trace


def ours(sampler: Any = None) -> tuple[Callable[[int], None], Callable[[], Any]]:
    import otel_dd_distro

    if sampler is None:
        provider = otel_dd_distro.install()
    else:
        from otel_dd_distro.tracing import TracerProvider

        provider = otel_dd_distro.install(TracerProvider(sampler))
    assert provider is not None
    return otel_traces(provider.get_tracer("benchmark")), provider.shutdown


def unsampled() -> tuple[Callable[[int], None], Callable[[], Any]]:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    return ours(ALWAYS_OFF)


def otlp() -> tuple[Callable[[int], None], Callable[[], Any]]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return otel_traces(provider.get_tracer("benchmark")), provider.shutdown


def ddtrace() -> tuple[Callable[[int], None], Callable[[], Any]]:
    from ddtrace.trace import tracer

    def instrumented(children: int) -> None:
        with tracer.trace("http.request", span_type="http") as root:
            root.set_tags(dict(ATTRIBUTES))
            for _ in range(children):
                with tracer.trace("http.request", span_type="http") as span:
                    span.set_tags(dict(ATTRIBUTES))
                    span.set_tag("http.response.status_code", 200)
            root.set_tag("http.response.status_code", 200)

    def trace(children: int) -> None:
        with tracer.trace("shop.order") as root:
            root.set_tags(dict(ATTRIBUTES))
            for _ in range(children):
                with tracer.trace("shop.step") as span:
                    span.set_tags(dict(ATTRIBUTES))

    return instrumented if KIND == "instrumentor" else trace, tracer.shutdown


def run(side: str) -> dict[str, Any]:
    trace, finish = {"ddtrace": ddtrace, "otlp": otlp, "unsampled": unsampled}.get(side, ours)()
    for _ in range(WARM_UP // (CHILDREN + 1)):
        trace(CHILDREN)
    time.sleep(2.5)  # the first payload is on its way, and everything is loaded
    spans = SPANS
    total, own = time.process_time(), time.thread_time()
    if side == "long":
        spans = LONG_TRACE
        trace(LONG_TRACE - 1)
    else:
        for _ in range(SPANS // REST_EVERY):
            for _ in range(REST_EVERY // (CHILDREN + 1)):
                trace(CHILDREN)
            time.sleep(REST_S)
    own = time.thread_time() - own
    finish()
    total = time.process_time() - total
    return {"total": total / spans * 1e6, "own": own / spans * 1e6, "made": spans + WARM_UP}


# --- all runs


def environment(side: str, port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    added = {
        "DD_TRACE_AGENT_URL": url,
        "DD_SERVICE": "bench",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_DD_LIGHT_TRACER": "false" if side == "plain" else "true",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
    return kept | added


def measured(side: str, python: str, port: int) -> dict[str, Any]:
    command = [python, __file__, "--run", side]
    done = subprocess.run(command, env=environment(side, port), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/counted") as counted:
        result |= {"delivered": json.load(counted)}
    return result


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--ddtrace", metavar="PYTHON")
    arguments.add_argument("--otlp", metavar="PYTHON")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", nargs="*", choices=SIDES, default=SIDES)
    arguments.add_argument("--attributes", choices=KINDS, default="own")
    arguments.add_argument("--json", metavar="FILE")
    arguments.add_argument("--run", choices=SIDES, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.run:
        print(json.dumps(run(given.run)))
        return

    os.environ["SPAN_ATTRIBUTES"] = given.attributes
    pythons = dict.fromkeys(SIDES, sys.executable) | {"ddtrace": given.ddtrace, "otlp": given.otlp}
    sides = [side for side in given.only if pythons[side]]
    here, there = multiprocessing.Pipe()
    sink = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    sink.start()
    port = here.recv()
    results: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(given.rounds):
        for side in sides:
            results[side].append(measured(side, pythons[side], port))
    sink.kill()

    def median(side: str, what: str) -> float:
        return statistics.median(result[what] for result in results[side])

    print(f"{'':12}{'total us':>10}{'thread us':>11}{'delivered':>11}{'bytes/span':>12}   best total, best thread")
    for side, runs in results.items():
        made = sum(result["made"] for result in runs)
        spans = sum(result["delivered"]["spans"] for result in runs)
        size = sum(result["delivered"]["bytes"] for result in runs) / (spans or 1)
        best = [min(result[what] for result in runs) for what in ("total", "own")]
        print(
            f"{side:12}{median(side, 'total'):10.2f}{median(side, 'own'):11.2f}{spans / made:11.1%}{size:12.0f}"
            f"   {best[0]:.2f} {best[1]:.2f}"
        )
    for one, other, what in (
        ("light", "ddtrace", "total"),
        ("light", "ddtrace", "own"),
        ("light", "otlp", "total"),
        ("light", "plain", "total"),
        ("unsampled", "light", "total"),
        ("long", "light", "total"),
    ):
        if one in results and other in results:
            print(f"{one} / {other}, {what}: {median(one, what) / median(other, what):.2f}")
    if given.json:
        with open(given.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
