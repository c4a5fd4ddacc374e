"""Which of the Agent's formats to send: what packing a span costs in each, and how long it gets.

Usage: wire.py [--rounds N]. The same translated spans, ten to a trace and a thousand to a payload, as v0.4 (maps) and
as v0.5 (arrays over one table of strings; v1.0 has such a table, too). v0.5 has no fields for span links and events.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import ormsgpack
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags
from span import ATTRIBUTES, CHILDREN

from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.settings import read
from otel_dd_distro.translate import Translator

TRACES = 100
SpanMap = dict[str, Any]


def traces() -> list[list[SpanMap]]:
    translator = Translator(read({"DD_SERVICE": "bench"}))
    resource = Resource.get_empty()
    made = []
    for trace in range(TRACES):

        def span(number: int, trace: int = trace) -> ReadableSpan:
            contexts = [SpanContext((trace + 1) << 64 | 7, number + 1, False, TraceFlags(1)) for number in (0, number)]
            parent = contexts[0] if number else None
            return ReadableSpan(
                "shop.step", contexts[1], parent, resource, dict(ATTRIBUTES), start_time=10**18, end_time=10**18 + 3_000
            )

        spans = [span(number) for number in reversed(range(CHILDREN + 1))]
        made.append(translator.chunk(Chunk(spans, DatadogContext(), False, {}), native_events=True))
    return made


def v04(payload: list[list[SpanMap]]) -> bytes:
    return ormsgpack.packb(payload)


def v05(payload: list[list[SpanMap]]) -> bytes:
    places: dict[str, int] = {"": 0}

    def place(text: str) -> int:
        found = places.get(text)
        if found is None:
            found = places[text] = len(places)
        return found

    arrays = [
        [
            (
                place(span["service"]),
                place(span["name"]),
                place(span["resource"]),
                span["trace_id"],
                span["span_id"],
                span.get("parent_id", 0),
                span["start"],
                span["duration"],
                span.get("error", 0),
                {place(key): place(value) for key, value in span["meta"].items()},
                {place(key): value for key, value in span.get("metrics", {}).items()},
                place(span.get("type", "")),
            )
            for span in trace
        ]
        for trace in payload
    ]
    return ormsgpack.packb([list(places), arrays], option=ormsgpack.OPT_NON_STR_KEYS)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=50)
    rounds = arguments.parse_args().rounds
    payload = traces()
    spans = sum(map(len, payload))
    formats: dict[str, Callable[[list[list[SpanMap]]], bytes]] = {"v0.4": v04, "v0.5": v05}
    taken: dict[str, list[float]] = {name: [] for name in formats}
    for _ in range(rounds):
        for name, packed in formats.items():
            began = time.process_time()
            packed(payload)
            taken[name].append((time.process_time() - began) / spans * 1e6)
    for name, packed in formats.items():
        print(f"{name}: {statistics.median(taken[name]):5.2f} us and {len(packed(payload)) / spans:4.0f} bytes a span")


if __name__ == "__main__":
    main()
