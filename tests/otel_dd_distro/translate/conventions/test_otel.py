"""Spans that are not our plugins': the Agent's OTLP rules, by the 50 worked examples of the protocol reference."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import TRACE_ID, chunk, error, ours, raised, span

SHOP = Resource({"service.name": "shop"})
KINDS = {kind.name.lower(): kind for kind in SpanKind}


def translated(made: Any, native_events: bool = True, **variables: str) -> dict[str, Any]:
    [entry] = Translator(settings.read(variables, argv=["-"])).chunk(chunk(made), native_events=native_events)
    return entry


class Example(NamedTuple):
    kind: str
    span_name: str
    attributes: dict[str, Any]
    name: str
    resource: str
    type: str
    meta: dict[str, str] = {}
    metrics: dict[str, float] = {}
    of_resource: dict[str, Any] = {}
    absent: tuple[str, ...] = ()
    service: str = "shop"
    error: int = 0
    more: dict[str, Any] = {}


HTTP = "http.request.method"

# fmt: off
EXAMPLES = {
    1: Example("server", "GET /cart", {HTTP: "GET", "http.route": "/cart", "http.response.status_code": 200},
        "http.server.request", "GET /cart", "web",
        {"http.method": "GET", "http.status_code": "200", "http.route": "/cart"},
        absent=(HTTP, "http.response.status_code")),
    2: Example("server", "GET", {"http.method": "GET", "http.status_code": 404}, "http.server.request", "GET", "web",
        {"http.status_code": "404"}),
    3: Example("server", "POST /pay", {HTTP: "POST", "http.route": "/pay", "url.scheme": "https"},
        "http.server.request", "POST /pay", "web", {"url.scheme": "https"}),
    4: Example("client", "GET", {HTTP: "GET", "url.full": "https://a.example/x", "server.address": "a.example",
        "server.port": 443}, "http.client.request", "GET", "http",
        {"http.url": "https://a.example/x", "http.server_name": "a.example"}, {"server.port": 443}),
    5: Example("client", "PUT", {HTTP: "PUT", "http.route": "/r"}, "http.client.request", "PUT", "http"),
    6: Example("client", "HTTP", {HTTP: "_OTHER"}, "http.client.request", "HTTP", "http", {"http.method": "_OTHER"}),
    7: Example("internal", "render", {}, "internal", "render", "custom", {"span.kind": "internal"}),
    8: Example("producer", "orders publish", {"messaging.system": "kafka", "messaging.operation": "publish",
        "messaging.destination.name": "orders"}, "kafka.publish", "publish orders", "custom"),
    9: Example("consumer", "orders process", {"messaging.system": "rabbitmq", "messaging.operation": "process",
        "messaging.destination": "orders"}, "rabbitmq.process", "process orders", "custom"),
    10: Example("client", "sqs", {"messaging.system": "AWS_SQS", "messaging.operation": "Receive"},
        "aws_sqs.receive", "Receive", "http"),
    11: Example("internal", "handle", {"messaging.system": "kafka", "messaging.operation": "process"},
        "internal", "process", "custom"),
    12: Example("client", "SELECT shop", {"db.system": "postgresql", "db.statement": "SELECT 1", "db.name": "shop"},
        "postgresql.query", "SELECT 1", "sql", {"db.name": "shop", "db.statement": "SELECT 1"}),
    13: Example("client", "find", {"db.system": "mongodb", "db.operation": "find"}, "mongodb.query", "find", "mongodb"),
    14: Example("client", "GET", {"db.system": "redis", "db.query.text": "GET k"}, "redis.query", "GET k", "redis"),
    15: Example("client", "get", {"db.system": "memcached"}, "memcached.query", "get", "memcached"),
    16: Example("client", "search", {"db.system": "elasticsearch", HTTP: "POST"},
        "http.client.request", "POST", "elasticsearch"),
    17: Example("client", "q", {"db.system": "dynamodb"}, "dynamodb.query", "q", "db"),
    18: Example("client", "q", {"db.system": "my_db"}, "my_db.query", "q", "db"),
    19: Example("internal", "q", {"db.system": "sqlite", "db.statement": "SELECT 2"}, "internal", "SELECT 2", "custom"),
    20: Example("client", "S3.PutObject", {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": "PutObject"},
        "aws.s3.request", "PutObject S3", "http"),
    21: Example("client", "x", {"rpc.system": "grpc", "rpc.service": "a.B", "rpc.method": "C"},
        "grpc.client.request", "C a.B", "http"),
    22: Example("server", "a.B/C", {"rpc.system": "grpc", "rpc.service": "a.B", "rpc.method": "C",
        "rpc.grpc.status_code": 0}, "grpc.server.request", "C a.B", "web", metrics={"rpc.grpc.status_code": 0}),
    23: Example("client", "invoke", {"faas.invoked_provider": "gcp", "faas.invoked_name": "Resize"},
        "gcp.resize.invoke", "invoke", "http"),
    24: Example("server", "fn", {"faas.trigger": "http"}, "http.invoke", "fn", "web"),
    25: Example("server", "fn", {"faas.trigger": "http", HTTP: "GET"}, "http.server.request", "GET", "web"),
    26: Example("internal", "exec", {"graphql.operation.type": "query", "graphql.operation.name": "Me"},
        "graphql.server.request", "query Me", "custom"),
    27: Example("server", "s", {"network.protocol.name": "Mqtt"}, "mqtt.server.request", "s", "web"),
    28: Example("client", "c", {}, "client.request", "c", "http"),
    29: Example("server", "s", {"operation.name": "My Op", "resource.name": "R 1", "span.type": "worker",
        "service.name": "Other"}, "my_op", "R 1", "worker", service="Other",
        absent=("operation.name", "resource.name", "span.type", "service.name")),
    30: Example("internal", "t", {}, "internal", "t", "cron", of_resource={"span.type": "cron"}),
    31: Example("internal", "t", {"n": 3, "f": 2.5, "b": True, "s": "x"}, "internal", "t", "custom",
        {"b": "true", "s": "x"}, {"n": 3, "f": 2.5}),
    32: Example("internal", "t", {"list": ("a", "b")}, "internal", "t", "custom", {"list.0": "a", "list.1": "b"},
        absent=("list",)),
    33: Example("internal", "t", {"ids": (1, 2)}, "internal", "t", "custom", metrics={"ids.0": 1, "ids.1": 2}),
    34: Example("internal", "t", {"analytics.event": "T"}, "internal", "t", "custom", metrics={"_dd1.sr.eausr": 1},
        absent=("analytics.event",)),
    35: Example("internal", "t", {"analytics.event": "yes"}, "internal", "t", "custom",
        absent=("analytics.event", "_dd1.sr.eausr")),
    36: Example("internal", "t", {"sampling.priority": -1}, "internal", "t", "custom",
        metrics={"_sampling_priority_v1": -1}, absent=("sampling.priority",)),
    37: Example("internal", "t", {}, "internal", "t", "custom", {"env": "stage", "version": "7"},
        of_resource={"deployment.environment": "stage", "service.version": "7"}),
    38: Example("internal", "t", {}, "internal", "t", "custom", {"env": "a"},
        of_resource={"deployment.environment.name": "a", "deployment.environment": "b"}),
    39: Example("internal", "t", {}, "internal", "t", "custom",
        {"error.message": "boom", "otel.status_code": "Error", "otel.status_description": "boom"}, error=1,
        more={"status": error("boom")}),
    40: Example("internal", "t", {}, "internal", "t", "custom",
        {"error.message": "m", "error.type": "T", "error.stack": "s", "_dd.span_events.has_exception": "true"}, error=1,
        more={"status": error("other"), "events": [raised("U", "first", "r"), raised("T", "m", "s", "Exception")]}),
    41: Example("internal", "t", {}, "internal", "t", "custom", {"_dd.span_events.has_exception": "true"},
        absent=("error.message", "error.type", "error.stack"), more={"events": [raised("T", "m", "s")]}),
    43: Example("server", "h", {"http.status_code": "503"}, "server.request", "h", "web",
        {"error.message": "503 Service Unavailable"}, error=1, more={"status": error()}),
    44: Example("client", "n", {"client.address": "10.0.0.1", "user_agent.original": "UA",
        "network.protocol.version": "2"}, "client.request", "n", "http",
        {"http.client_ip": "10.0.0.1", "http.useragent": "UA", "http.version": "2"},
        absent=("client.address", "user_agent.original", "network.protocol.version")),
    45: Example("server", "n", {"http.request.header.x-id": "7", "http.request.body.size": 12}, "server.request", "n",
        "web", {"http.request.headers.x-id": "7"}, {"http.request.content_length": 12}),
    46: Example("client", "n", {"db.system": "mysql", "db.namespace": "s1"}, "mysql.query", "n", "sql",
        {"db.namespace": "s1", "db.name": "s1"}),
    47: Example("internal", "t", {}, "internal", "t", "custom", absent=("_dd.p.tid",), more={"trace_id": 0xFF}),
    48: Example("internal", "t", {}, "internal", "t", "custom", {"_dd.p.tid": "6655000000000001"},
        more={"trace_id": 0x6655000000000001_0000000000000002}),
    49: Example("internal", "t", {"deployment.environment.name": "own"}, "internal", "t", "custom", {"env": "own"},
        of_resource={"deployment.environment.name": "a"}, absent=("deployment.environment.name",)),
    50: Example("client", "chat", {"gen_ai.system": "openai"}, "client.request", "chat", "llm"),
}
# fmt: on


@pytest.mark.parametrize("number", EXAMPLES)
def test_a_span_is_translated_as_the_agent_would(number: int) -> None:
    example = EXAMPLES[number]
    resource = SHOP.merge(Resource(example.of_resource))
    made = span(example.span_name, example.attributes, kind=KINDS[example.kind], resource=resource, **example.more)
    entry = translated(made)
    assert (entry["name"], entry["resource"], entry["type"]) == (example.name, example.resource, example.type)
    assert entry["service"] == example.service
    assert entry.get("error", 0) == example.error
    assert example.meta.items() <= entry["meta"].items()
    assert example.metrics.items() <= entry["metrics"].items()
    assert not set(example.absent) & (entry["meta"].keys() | entry["metrics"].keys())
    assert entry["meta"]["span.kind"] == example.kind


@pytest.mark.parametrize(
    ("kind", "name", "attributes", "resource"),
    [
        ("server", "GET /orders/{id}", {HTTP: "GET"}, "GET /orders/{id}"),
        ("server", "/orders/{id}", {HTTP: "GET"}, "/orders/{id}"),
        ("server", "GET /orders/{id}", {HTTP: "GET", "http.route": "/o/{id}"}, "GET /o/{id}"),
        ("server", "HTTP GET", {"http.method": "GET"}, "GET"),
        ("server", "get", {"http.method": "GET"}, "GET"),
        (
            "consumer",
            "orders process",
            {"messaging.system": "kafka", "messaging.operation": "Receive"},
            "orders process",
        ),
        ("consumer", "poll", {"messaging.system": "kafka", "messaging.operation": "receive"}, "receive"),
        ("client", "a.B/C call", {"rpc.system": "grpc", "rpc.method": "C"}, "a.B/C call"),
        ("internal", "query Me", {"graphql.operation.type": "query"}, "query Me"),
        ("server", "GET /orders/{id}", {HTTP: "GET", "resource.name": "mine"}, "mine"),
    ],
)
def test_a_spans_own_name_is_its_resource_where_the_conventions_say_only_half_of_one(
    kind: str, name: str, attributes: dict[str, Any], resource: str
) -> None:
    assert translated(span(name, attributes, kind=KINDS[kind]))["resource"] == resource


def test_an_empty_type_leaves_the_type_out() -> None:
    assert "type" not in translated(span(attributes={"span.type": ""}))
    assert "type" not in translated(ours("flask", {"span.type": ""}))
    assert translated(span(resource=Resource({"span.type": ""})))["type"] == "custom"


def test_the_environment_of_a_span_of_ours_is_its_own_too_and_a_tag_env_goes_before_it() -> None:
    assert translated(ours("flask", {"deployment.environment": "own"}), DD_ENV="prod")["meta"]["env"] == "own"
    both = {"deployment.environment.name": "own", "env": "mine"}
    for made in (span(attributes=both), ours("flask", both)):
        assert translated(made, DD_ENV="prod")["meta"]["env"] == "mine"


def test_example_42_ok_is_final() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("t") as live:
        live.set_status(Status(StatusCode.OK))
        live.set_status(Status(StatusCode.ERROR, "late"))
    entry = translated(exporter.get_finished_spans()[0])
    assert "error" not in entry
    assert entry["meta"]["otel.status_code"] == "Ok"
    assert "error.message" not in entry["meta"]


def test_example_47_and_48_the_trace_id_is_the_low_half() -> None:
    assert translated(span(trace_id=0xFF))["trace_id"] == 255
    assert translated(span(trace_id=0x6655000000000001_0000000000000002))["trace_id"] == 2


def test_example_49_a_link_tells_both_halves_and_known_flags() -> None:
    linked = SpanContext(1 << 64 | 2, 3, True, TraceFlags(1))
    entry = translated(span(links=[Link(linked, {"k": [1, 2], "b": True})]))
    attributes = {"k.0": "1", "k.1": "2", "b": "true"}
    assert entry["span_links"] == [
        {"trace_id": 2, "trace_id_high": 1, "span_id": 3, "flags": 0x80000001, "attributes": attributes}
    ]


def test_a_whole_manual_span() -> None:
    resource = Resource(
        {
            "service.name": "shop",
            "service.instance.id": "i",
            "telemetry.sdk.name": "opentelemetry",
            "process.pid": 7,
            "team": "tea",
        }
    )
    made = span("price", {"n": 1}, id=2, parent=1, scope="shop.prices", scope_version="2", resource=resource)
    root = span(resource=resource)
    _, entry = Translator(settings.read({"DD_TAGS": "region:eu"}, argv=["-"])).chunk(
        chunk(root, made), native_events=True
    )
    assert entry == {
        "trace_id": TRACE_ID & (1 << 64) - 1,
        "span_id": 2,
        "parent_id": 1,
        "service": "shop",
        "name": "internal",
        "resource": "price",
        "type": "custom",
        "start": 1_700_000_000_000_000_000,
        "duration": 1_000,
        "meta": {
            "process.pid": "7",
            "team": "tea",
            "region": "eu",
            "span.kind": "internal",
            "otel.trace_id": f"{TRACE_ID:032x}",
            "otel.status_code": "Unset",
            "otel.scope.name": "shop.prices",
            "otel.scope.version": "2",
        },
        "metrics": {"n": 1},
    }


def test_the_trace_state_is_told() -> None:
    assert translated(span(tracestate="a=1,b=2"))["meta"]["w3c.tracestate"] == "a=1,b=2"


def test_a_better_key_on_the_resource_beats_a_worse_one_on_the_span() -> None:
    made = span(attributes={"http.method": "GET"}, kind=SpanKind.CLIENT, resource=Resource({HTTP: "PUT"}))
    assert translated(made)["resource"] == "PUT"


def test_a_tag_that_has_datadogs_name_already_is_left() -> None:
    made = span(attributes={"http.url": "kept", "url.full": "http://a"})
    assert translated(made)["meta"]["http.url"] == "kept"
    made = span(attributes={"url.full": "http://a", "http.url": "kept"})
    assert translated(made)["meta"]["http.url"] == "kept"


def test_error_attributes_go_before_the_exception() -> None:
    made = span(attributes={"error.type": "mine"}, status=error("d"), events=[raised("T", "m", "s")])
    meta = translated(made)["meta"]
    assert (meta["error.type"], meta["error.message"]) == ("mine", "m")


def test_exceptions_are_events_too() -> None:
    made = span(status=error(), events=[Event("note", {"n": 1}, 5), raised("T", "m", "s")])
    assert [event["name"] for event in translated(made)["span_events"]] == ["note", "exception"]


def test_a_client_error_status_without_a_description_explains_itself() -> None:
    made = span(attributes={"http.response.status_code": 404}, status=error(), kind=SpanKind.CLIENT)
    assert translated(made)["meta"]["error.message"] == "404 Not Found"


def test_a_plain_span_in_an_application_without_a_name_says_who_named_it() -> None:
    assert translated(span())["meta"]["_dd.svc_src"] == "otel"
    assert "_dd.svc_src" not in translated(span(), DD_SERVICE="shop")["meta"]


def test_attributes_that_steer_sampling_are_no_tags() -> None:
    entry = translated(span(attributes={"manual.keep": True, "manual.drop": True}))
    assert not {"manual.keep", "manual.drop"} & (entry["meta"].keys() | entry["metrics"].keys())
