"""What the client's stats cost the export thread: `python benchmarks/stats.py`.

Microseconds per span of a chunk of ten, all counted and looked over for what need not be sent; and, every ten seconds,
milliseconds for the payload of so many groups.
"""

from __future__ import annotations

import gc
import json
import time
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from otel_dd_distro.export.info import AgentInfo, parse
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.settings import read
from otel_dd_distro.stats import Stats
from otel_dd_distro.translate import Translator

ROUNDS = 100
EACH = 200
# fmt: off
PEER_TAGS = [  # as many as an Agent of today names
    "_dd.base_service", "active_record.db.vendor", "amqp.destination", "amqp.exchange", "amqp.queue", "aws.queue.name",
    "aws.s3.bucket", "bucketname", "cassandra.keyspace", "db.cassandra.contact.points", "db.couchbase.seed.nodes",
    "db.hostname", "db.instance", "db.name", "db.namespace", "db.system", "db.type", "dns.hostname", "grpc.host",
    "hostname", "http.host", "http.server_name", "messaging.destination", "messaging.destination.name",
    "messaging.kafka.bootstrap.servers", "messaging.rabbitmq.exchange", "messaging.system", "mongodb.db",
    "msmq.queue.path", "net.peer.name", "network.destination.ip", "network.destination.name", "out.host",
    "peer.hostname", "peer.service", "queuename", "rpc.service", "rpc.system", "sequel.db.vendor", "server.address",
    "streamname", "tablename", "topicname",
]
# fmt: on
INFO = {"client_drop_p0s": True, "endpoints": ["/v0.6/stats"], "peer_tags": PEER_TAGS}

SERVER = {"http.request.method": "GET", "url.scheme": "http", "url.path": "/cart", "http.route": "/cart"}
SERVER |= {"server.address": "shop", "http.response.status_code": 200, "user_agent.original": "curl"}  # type: ignore[dict-item]
QUERY = {"db.system.name": "sqlite", "db.query.text": "select * from orders where id = ?", "db.driver.call": "execute"}
CALL = {"http.request.method": "GET", "url.full": "http://api/x", "server.address": "api"}
RENDER = {"template.engine": "jinja2", "template.operation": "render", "template.name": "cart.html"}


def span(span_id: int, scope: str, kind: SpanKind, attributes: dict[str, Any]) -> ReadableSpan:
    now = time.time_ns()
    return ReadableSpan(
        scope,
        context=SpanContext(7, span_id, False, TraceFlags(1)),
        parent=None if span_id == 1 else SpanContext(7, 1, False, TraceFlags(1)),
        resource=Resource({}),
        attributes=attributes,
        kind=kind,
        start_time=now - 1_000 * span_id**3,
        end_time=now,
        instrumentation_scope=InstrumentationScope(scope),
    )


def chunk(name: str, priority: int, literal: int = 0) -> Chunk:
    """Ten spans: a request, four queries, two calls, three templates; of our plugins, or of other libraries."""
    ours = name == "ours"
    query = {**QUERY, "db.query.text": f"{QUERY['db.query.text']} -- {literal}"} if literal else QUERY
    kinds = [("flask", SpanKind.SERVER, SERVER)]
    kinds += [("sqlite3", SpanKind.CLIENT, query)] * 4
    kinds += [("requests", SpanKind.CLIENT, CALL)] * 2
    kinds += [("jinja2", SpanKind.INTERNAL, RENDER)] * 3
    spans = [
        span(place, f"otel_instrumentors.{plugin}" if ours else plugin, kind, attributes)
        for place, (plugin, kind, attributes) in enumerate(kinds, 1)
    ]
    return Chunk(spans, DatadogContext(priority=priority), False, {}, spans[0])


def microseconds(stats: Stats, traces: list[list[dict[str, Any]]]) -> float:
    """The least of many short rounds, per span."""
    best = float("inf")
    gc.disable()
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        for number in range(EACH):
            stats.take(traces[number % len(traces)])
        best = min(best, time.perf_counter_ns() - began)
    gc.enable()
    stats.payloads(everything=True)
    return best / EACH / len(traces[0]) / 1_000


def main() -> None:
    info: AgentInfo = parse(json.dumps(INFO).encode())
    settings = read({"DD_SERVICE": "shop", "DD_ENV": "prod", "DD_VERSION": "1.4"}, argv=())
    translator = Translator(settings)
    stats = Stats(settings)
    if not stats.is_active(info):
        raise SystemExit("stats are not active")
    cases = {
        "our plugins, every span counts": [chunk("ours", 1)],
        "our plugins, not sampled": [chunk("ours", 0)],
        "our plugins, 500 different statements": [chunk("ours", 1, literal) for literal in range(1, 501)],
        "other libraries, seven of ten count": [chunk("others", 1)],
    }
    for name, chunks in cases.items():
        traces = [translator.chunk(one, native_events=True) for one in chunks]
        print(f"{name:40} {microseconds(stats, traces):6.2f} us/span")
    for number in (50, 1_000, 7_000):
        (trace,) = [translator.chunk(chunk("ours", 1), native_events=True)]
        for place in range(number):
            stats.count([{**trace[1], "name": f"n{place}", "duration": 1_000 * (place % 100 + 1)}])
        began = time.perf_counter_ns()
        size = sum(map(len, stats.payloads(everything=True)))
        took = (time.perf_counter_ns() - began) / 1e6
        print(f"payload of {number:5} groups {took:24.1f} ms {size / 1024:8.0f} KiB")


if __name__ == "__main__":
    main()
