"""What the sampling decision costs a local root: `python -m benchmarks.sampling`.

At its end, in the export thread, where the root is translated already; at an injection, in the application's thread,
where rules for names and tags need the open root translated.
"""

from __future__ import annotations

import gc
import json
import random
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.gathering import LocalTraces
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.local_trace.registry import LocalTrace
from otel_dd_distro.sampling import Sampling
from otel_dd_distro.tracing import TracerProvider
from otel_dd_distro.translate import Translator

ROUNDS = 9
EACH = 4_000
CATCH_ALL = {"sample_rate": 0.5}


def rules(number: int, make: Callable[[int], dict[str, Any]]) -> str:
    """So many rules, of which the last one fits."""
    return json.dumps([*(make(n) for n in range(number - 1)), CATCH_ALL])


RATES = "rates of the Agent"
TABLE = {"service:shop,env:": 0.5, "service:,env:": 1.0}
CASES: dict[str, dict[str, str]] = {
    "nothing set": {},
    "DD_TRACE_SAMPLE_RATE": {"DD_TRACE_SAMPLE_RATE": "0.5"},
    "the same, with a limit": {"DD_TRACE_SAMPLE_RATE": "0.5", "DD_TRACE_RATE_LIMIT": "1000000"},
    RATES: {},
    **{
        f"{number:>2} rules for {what}": {"DD_TRACE_SAMPLING_RULES": rules(number, make)}
        for what, make in {
            "services": lambda n: {"sample_rate": 1, "service": f"other-{n}*"},
            "resources": lambda n: {"sample_rate": 1, "service": "shop", "resource": f"GET /*/{n}?"},
            "tags": lambda n: {"sample_rate": 1, "tags": {"http.method": f"{n}*", "team": "blue"}},
        }.items()
        for number in (1, 5, 20)
    },
    "kept late for errors, not in error": {"DD_TRACE_SAMPLE_RATE": "0", "OTEL_DD_KEEP_ERRORS": "true"},
    "explained": {"OTEL_DD_EXPLAIN_SAMPLING": "true"},
}


def ns(work: Callable[[int], Any]) -> float:
    """The least of several rounds, per call."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        gc.disable()
        began = time.perf_counter_ns()
        for number in range(EACH):
            work(number)
        best = min(best, time.perf_counter_ns() - began)
        gc.enable()
    return best / EACH


def untold(trace: LocalTrace, trace_id: int, view: Any) -> None:
    """What a call costs."""


def open_root() -> Any:
    """A request of our plugin for Flask, still open."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("otel_instrumentors.flask")
    attributes = {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/cart/7",
        "server.address": "shop.example",
        "http.route": "/cart/<id>",
        "user_agent.original": "curl/8",
        "client.address": "10.0.0.1",
        "flask.endpoint": "cart",
        "team": "red",
    }
    return tracer.start_span("GET /cart/<id>", kind=SpanKind.SERVER, attributes=attributes)


def measured(variables: dict[str, str], table: dict[str, float]) -> tuple[float, float, float]:
    """Of one root, in ns: at its end; at the first injection; at each later one."""
    read = settings.read({"DD_SERVICE": "shop", "DD_TRACE_RATE_LIMIT": "-1", **variables}, argv=["-"])
    translator, sampling = Translator(read), Sampling(read, lambda: table)
    root = open_root()
    maps = translator.chunk(Chunk([root], DatadogContext(priority=1), False, {}), native_events=True)
    ids = [random.getrandbits(128) for _ in range(EACH)]
    contexts = [DatadogContext() for _ in range(EACH)]
    traces = LocalTraces(lambda chunk: None)

    def reset(number: int) -> DatadogContext:
        context = contexts[number]
        context.priority = None
        context.tags = {}
        context.is_told = False
        return context

    chunks = [Chunk([root], context, False, {}, root) for context in contexts]

    def end(number: int) -> None:
        reset(number)
        sampling.settle(chunks[number], maps, True, [], translator.root_view)

    trace = LocalTrace(traces, contexts[0], root)
    trace.open[1] = root

    def first_injection(number: int) -> None:
        trace.context = reset(number)
        sampling.tell(trace, ids[number], translator.root_view)

    def later_injection(number: int) -> None:
        sampling.tell(trace, ids[number], translator.root_view)

    def nothing_injected(number: int) -> None:
        trace.context = reset(number)
        untold(trace, ids[number], translator.root_view)

    nothing = ns(reset)
    first = ns(first_injection) - ns(nothing_injected)
    reset(0)
    trace.context = contexts[0]
    return ns(end) - nothing, first, ns(later_injection)


def main() -> None:
    print(f"{'microseconds per local root':36}{'at its end':>12}{'1st injection':>15}{'later ones':>12}")
    for name, variables in CASES.items():
        end, first, later = measured(variables, TABLE if name == RATES else {})
        print(f"{name:36}{end / 1000:12.2f}{first / 1000:15.2f}{later / 1000:12.2f}")


if __name__ == "__main__":
    main()
