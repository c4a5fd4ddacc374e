"""Which of the Agent's formats to send: what packing and sending a span costs in each, and how long it gets.

The same translated spans: requests of ten spans each, of Flask, Redis, PostgreSQL, Requests and the application's own,
a thousand to a payload.

- v0.4 (maps), packed trace by trace, as we send it; and in one call for the payload;
- v0.5 (arrays over one table of strings), written from the maps; and written from shapes, where the places of what is
  the same in all spans of a shape are known, and which values differ costs nothing to find out: the least it can cost.
  The copying of values that it would save the translation is about 0.6 us.

v1.0 has such a table, too. v0.5 has no fields for span links and events. Sending is `sendall` on a socket of this
machine, in pieces of 64 KiB, to another process: CPU of this one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ormsgpack
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.settings import read
from otel_dd_distro.translate import Translator

TRACES = 100
BLOCK = 64 << 10
SpanMap = dict[str, Any]


def recorded(number: int) -> list[tuple[str, SpanKind, str, dict[str, Any]]]:
    """Scope, kind, name and attributes of the spans of a request, the root first."""
    server = {"db.namespace": "shop", "server.address": "db.example", "server.port": 5432, "db.user": "shop"}
    redis = {"server.address": "cache.example", "server.port": 6379, "db.namespace": "0", "db.command.length": 2}

    def get(key: str) -> tuple[str, SpanKind, str, dict[str, Any]]:
        known = {"db.system.name": "redis", "db.operation.name": "GET", "db.driver.call": "execute_command", **redis}
        return "otel_instrumentors.redis", SpanKind.CLIENT, "GET", {**known, "db.query.text": f"GET {key}:{number}"}

    def select(table: str, rows: int) -> tuple[str, SpanKind, str, dict[str, Any]]:
        known = {"db.system.name": "postgresql", "db.driver.call": "execute", **server, "db.row_count": rows}
        text = f"SELECT name, price FROM {table} WHERE id = %s AND shop = %s"
        return "otel_instrumentors.psycopg", SpanKind.CLIENT, "SELECT", {**known, "db.query.text": text}

    served = {
        "http.request.method": "GET",
        "url.scheme": "https",
        "url.path": f"/cart/{number}",
        "url.query": f"page={number % 7}",
        "server.address": "shop.example",
        "client.address": f"10.0.{number % 256}.7",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "flask.version": "3.1.3",
        "flask.endpoint": "cart",
        "flask.view_args.id": number,
        "http.route": "/cart/<id>",
        "http.response.status_code": 200,
    }
    asked = {
        "http.request.method": "GET",
        "url.full": f"http://prices.example/items/{number}",
        "server.address": "prices.example",
        "http.response.status_code": 200,
    }
    own = {
        "shop.customer": f"c-{number:07}",
        "shop.item": "SKU-00001",
        "shop.quantity": number % 9,
        "shop.total": 119.9,
    }
    return [
        ("otel_instrumentors.flask", SpanKind.SERVER, "GET /cart/<id>", served),
        *(get(key) for key in ("session", "cart", "basket")),
        *(select(table, rows) for table, rows in (("items", 1), ("prices", 3), ("shelves", 9))),
        ("otel_instrumentors.requests", SpanKind.CLIENT, "GET", asked),
        *(("shop", SpanKind.INTERNAL, name, own) for name in ("shop.order", "shop.total")),
    ]


def traces() -> list[list[SpanMap]]:
    translator = Translator(read({"DD_SERVICE": "bench", "DD_ENV": "prod", "DD_VERSION": "1.4"}))
    resource = Resource.get_empty()
    made = []
    for trace in range(TRACES):
        spans = []
        root = SpanContext((trace + 1) << 64 | 7 << 40 | trace, trace << 40 | 1, False, TraceFlags(1))
        for number, (scope, kind, name, attributes) in enumerate(recorded(trace)):
            own = SpanContext(root.trace_id, root.span_id + number, False, TraceFlags(1))
            begun = 10**18 + trace * 10**7 + number * 10**5
            spans.append(
                ReadableSpan(
                    name,
                    own,
                    root if number else None,
                    resource,
                    attributes,
                    kind=kind,
                    instrumentation_scope=InstrumentationScope(scope),
                    start_time=begun,
                    end_time=begun + 50_000,
                )
            )
        spans.reverse()
        made.append(translator.chunk(Chunk(spans, DatadogContext(), False, {}), native_events=True))
    return made


def v04_by_trace(payload: list[list[SpanMap]]) -> list[bytes]:
    return [ormsgpack.packb(trace) for trace in payload]


def v04(payload: list[list[SpanMap]]) -> list[bytes]:
    return [ormsgpack.packb(payload)]


def v05(payload: list[list[SpanMap]]) -> list[bytes]:
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
    return [ormsgpack.packb([list(places), arrays], option=ormsgpack.OPT_NON_STR_KEYS)]


class Shape:
    """Spans with the same keys: what all of them have, and which of their tags differ."""

    def __init__(self, spans: list[SpanMap]) -> None:
        first = spans[0]
        self.same = {key: text for key, text in first["meta"].items() if all(one["meta"][key] == text for one in spans)}
        self.differing = [key for key in first["meta"] if key not in self.same]
        self.metrics = list(first.get("metrics", ()))


Shaped = list[list[tuple[Shape, SpanMap, list[str], list[float]]]]


def shaped(payload: list[list[SpanMap]]) -> Shaped:
    """Each span with its shape and the values that differ, as a translation by shape would give them."""

    def key(span: SpanMap) -> tuple[str, ...]:
        return (span["name"], *span["meta"], "", *span.get("metrics", ()))

    spans: dict[tuple[str, ...], list[SpanMap]] = {}
    for trace in payload:
        for span in trace:
            spans.setdefault(key(span), []).append(span)
    shapes = {each: Shape(alike) for each, alike in spans.items()}

    def parts(span: SpanMap) -> tuple[Shape, SpanMap, list[str], list[float]]:
        shape = shapes[key(span)]
        return shape, span, [span["meta"][key] for key in shape.differing], list(span.get("metrics", {}).values())

    return [[parts(span) for span in trace] for trace in payload]


def v05_by_shape(payload: Shaped) -> list[bytes]:
    places: dict[str, int] = {"": 0}

    def place(text: str) -> int:
        found = places.get(text)
        if found is None:
            found = places[text] = len(places)
        return found

    known: dict[Shape, tuple[int, int, int, dict[int, int], list[int], list[int]]] = {}
    arrays = []
    for trace in payload:
        written: list[Any] = []
        for shape, span, texts, numbers in trace:
            told = known.get(shape)
            if told is None:
                told = known[shape] = (
                    place(span["service"]),
                    place(span["name"]),
                    place(span.get("type", "")),
                    {place(key): place(text) for key, text in shape.same.items()},
                    [place(key) for key in shape.differing],
                    [place(key) for key in shape.metrics],
                )
            service, name, type_, same, keys, measured = told
            meta = same.copy()
            for key, text in zip(keys, texts):  # noqa: B905 - the keyword costs more than the rest
                found = places.get(text)
                if found is None:
                    found = places[text] = len(places)
                meta[key] = found
            written.append(
                (
                    service,
                    name,
                    place(span["resource"]),
                    span["trace_id"],
                    span["span_id"],
                    span.get("parent_id", 0),
                    span["start"],
                    span["duration"],
                    0,
                    meta,
                    dict(zip(measured, numbers)),  # noqa: B905 - as above
                    type_,
                )
            )
        arrays.append(written)
    return [ormsgpack.packb([list(places), arrays], option=ormsgpack.OPT_NON_STR_KEYS)]


def drain(connection: socket.socket) -> None:
    while connection.recv(BLOCK):
        pass


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=50)
    arguments.add_argument("--markdown", type=Path, metavar="FILE")
    given = arguments.parse_args()
    payload = traces()
    by_shape = shaped(payload)
    spans = sum(map(len, payload))
    formats: dict[str, Callable[[], list[bytes]]] = {
        "v0.4, trace by trace": lambda: v04_by_trace(payload),
        "v0.4, one call": lambda: v04(payload),
        "v0.5, from maps": lambda: v05(payload),
        "v0.5, from shapes": lambda: v05_by_shape(by_shape),
    }
    here, there = socket.socketpair()
    reader = multiprocessing.Process(target=drain, args=(there,), daemon=True)
    reader.start()
    packing: dict[str, list[float]] = {name: [] for name in formats}
    sending: dict[str, list[float]] = {name: [] for name in formats}
    size: dict[str, float] = {}
    for _ in range(given.rounds):
        for name, packed in formats.items():
            began = time.process_time()
            parts = packed()
            done = time.process_time()
            body = b"".join(parts)
            for at in range(0, len(body), BLOCK):
                here.sendall(body[at : at + BLOCK])
            packing[name].append((done - began) / spans * 1e6)
            sending[name].append((time.process_time() - done) / spans * 1e6)
            size[name] = len(body) / spans
    reader.kill()
    lines = ["| a span | packing | sending | both | bytes |", "|---|---|---|---|---|"]
    for name in formats:
        pack, send = statistics.median(packing[name]), statistics.median(sending[name])
        lines.append(f"| {name} | {pack:.2f} us | {send:.2f} us | **{pack + send:.2f} us** | {size[name]:.0f} |")
    table = "\n".join(lines) + "\n"
    print(table)
    if given.markdown:
        given.markdown.write_text(f"# {__doc__}\nMade by `nox -s bench`.\n\n{table}")


if __name__ == "__main__":
    main()
