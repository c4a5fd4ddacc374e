"""Any OpenTelemetry span: manual ones and those of other instrumentations, as the Agent's OTLP intake v2 reads them.

Where the Agent and Datadog's tracers differ, the tracers' choice is taken for tags: `error.message`, an HTTP status as
text, sequences as `key.0`, kinds in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from ..every_span import text
from ..every_span.attributes import Meta, Targets, as_text
from ..every_span.errors import status_text
from .operation import Operation


class _Targets(Targets):
    """Remembers which keys speak of generative models: they make a span's type."""

    def __init__(self, renamed: Mapping[str, str]) -> None:
        super().__init__(renamed)
        self.generative: set[str] = set()

    def __missing__(self, key: Any) -> str:
        if isinstance(key, str) and key.startswith("gen_ai.") and len(self.generative) < 1_024:
            self.generative.add(key)
        return super().__missing__(key)


TARGETS = _Targets(
    {
        "client.address": "http.client_ip",
        "http.request.body.size": "http.request.content_length",
        "http.request.header.referrer": "http.referrer",
        "http.request.method": "http.method",
        "http.response.body.size": "http.response.content_length",
        "network.protocol.version": "http.version",
        "server.address": "http.server_name",
        "url.full": "http.url",
        "user_agent.original": "http.useragent",
        # Text, whatever their type: written by `complete`
        "http.response.status_code": "",
        "http.status_code": "",
    }
)

_OPERATIONS: dict[SpanKind, Operation] = {
    kind: Operation(name, type=type_, kind=kind.name.lower(), api="otel", targets=TARGETS)
    for kind, name, type_ in (
        (SpanKind.INTERNAL, "internal", "custom"),
        (SpanKind.SERVER, "server.request", "web"),
        (SpanKind.CLIENT, "client.request", "http"),
        (SpanKind.PRODUCER, "producer", "custom"),
        (SpanKind.CONSUMER, "consumer", "custom"),
    )
}
_INTERNAL = _OPERATIONS[SpanKind.INTERNAL]


def operation(kind: SpanKind) -> Operation:
    """What a span of this kind is, as long as no convention says more of it."""
    return _INTERNAL if kind is SpanKind.INTERNAL else _OPERATIONS[kind]


_CALLS = (SpanKind.CLIENT, SpanKind.SERVER, SpanKind.PRODUCER, SpanKind.CONSUMER)

# Keys in order of preference; each is looked for on the span, then on its resource.
METHOD = ("http.request.method", "http.method")
STATUS = ("http.status_code", "http.response.status_code")
DB_SYSTEM = ("db.system.name", "db.system")
DB_STATEMENT = ("db.statement", "db.query.text")
DESTINATION = ("messaging.destination", "messaging.destination.name")
MESSAGING_OPERATION = ("messaging.operation", "messaging.operation.type")

CONVENTIONS = frozenset(
    {
        *METHOD,
        *STATUS,
        *DB_SYSTEM,
        *DB_STATEMENT,
        *DESTINATION,
        *MESSAGING_OPERATION,
        "db.namespace",
        "faas.invoked_name",
        "faas.invoked_provider",
        "faas.trigger",
        "graphql.operation.name",
        "graphql.operation.type",
        "messaging.system",
        "network.protocol.name",
        "operation.name",
        "resource.name",
        "rpc.method",
        "rpc.service",
        "rpc.system",
        "span.type",
    }
)
"""The keys that name, resource and type are made from."""

# fmt: off
_DB_TYPES = {
    **{system: system for system in ("cassandra", "redis", "memcached", "mongodb", "elasticsearch", "opensearch")},
    **dict.fromkeys((
        "adabas", "cache", "clickhouse", "cloudscape", "cockroachdb", "coldfusion", "db2", "derby", "edb", "filemaker",
        "firebird", "firstsql", "h2", "hanadb", "hsqldb", "informix", "ingres", "instantdb", "interbase", "mariadb",
        "maxdb", "mssql", "mysql", "netezza", "oracle", "other_sql", "pervasive", "pointbase", "postgresql", "progress",
        "redshift", "sqlite", "sybase", "teradata", "vertica",
    ), "sql"),
}
# fmt: on

_OTHER_SIGNS = re.compile(r"(?:[^\w:./-]|_)+")


class Found:
    """Where the conventions' values are looked for: on the span, then on its resource, key by key."""

    __slots__ = ("_resource", "_span")

    def __init__(self, span: Mapping[str, Any], resource: Mapping[str, Any]) -> None:
        self._span = span
        self._resource = resource

    def is_empty(self, key: str) -> bool:
        """Whether the span itself says that there is no such value."""
        return self._span.get(key) == ""

    def __call__(self, *keys: str) -> str:
        """The first value that is not empty, as text."""
        for key in keys:
            value = self._span.get(key)
            if value is None or value == "":
                value = self._resource.get(key)
            if value is not None and value != "":
                return as_text(value)
        return ""


def described(
    span: ReadableSpan,
    operation: Operation,
    attributes: Mapping[str, Any],
    resource_attributes: Mapping[str, Any],
    meta: Meta,
) -> tuple[str, str, str]:
    """Name, resource and type of a span; completes the tags that need more than another key.

    `resource_attributes` are those of the resource that the conventions know.
    """
    if resource_attributes or not CONVENTIONS.isdisjoint(attributes):
        kind = span.kind
        found = Found(attributes, resource_attributes)
        operation_name, resource, type_ = name(kind, found), _resource(kind, found, span.name), type_of(kind, found)
        _complete(meta, attributes, found)
    else:
        operation_name, resource, type_ = operation.name, span.name, operation.type
    if TARGETS.generative and not TARGETS.generative.isdisjoint(attributes):
        type_ = "llm"
    return operation_name, resource if type(resource) is str else str(resource), type_


def origins(span: ReadableSpan, ids: SpanContext, meta: Meta) -> None:
    """Tag what OpenTelemetry knew of the span and Datadog has no field for."""
    meta["otel.trace_id"] = f"{ids.trace_id:032x}"
    status = span.status
    code = status.status_code
    # Not by a table: an enumeration's members are slow keys.
    meta["otel.status_code"] = "Unset" if code is StatusCode.UNSET else "Error" if code is StatusCode.ERROR else "Ok"
    if status.description:
        meta["otel.status_description"] = text.value(status.description)
    scope = span.instrumentation_scope
    if scope is not None:
        if scope.name:
            meta["otel.scope.name"] = text.value(scope.name)
        if scope.version:
            meta["otel.scope.version"] = text.value(scope.version)


def name(kind: SpanKind, found: Found) -> str:
    """The operation name."""
    if given := tag_value(found("operation.name")):
        return given
    is_client, is_server = kind is SpanKind.CLIENT, kind is SpanKind.SERVER
    if (is_client or is_server) and found(*METHOD):
        return "http.client.request" if is_client else "http.server.request"
    if is_client and (system := found(*DB_SYSTEM)):
        return f"{tag_value(system)}.query"
    if kind in _CALLS and (system := found("messaging.system")) and (operation := found(*MESSAGING_OPERATION)):
        return f"{tag_value(system)}.{tag_value(operation)}"
    if (is_client or is_server) and (system := found("rpc.system")):
        if is_server or system != "aws-api":
            return f"{tag_value(system)}.{'client' if is_client else 'server'}.request"
        service = found("rpc.service")
        return f"aws.{tag_value(service)}.request" if service else "aws.client.request"
    if is_client and (provider := found("faas.invoked_provider")) and (function := found("faas.invoked_name")):
        return f"{tag_value(provider)}.{tag_value(function)}.invoke"
    if is_server and (trigger := found("faas.trigger")):
        return f"{tag_value(trigger)}.invoke"
    if found("graphql.operation.type"):
        return "graphql.server.request"
    plain = _OPERATIONS[kind].name
    protocol = found("network.protocol.name") if is_client or is_server else ""
    return f"{tag_value(protocol)}.{plain}" if protocol else plain


def _resource(kind: SpanKind, found: Found, own: str) -> str:
    """What a span does, to what; its `own` name where the conventions say only half of that, and it says more."""
    if given := found("resource.name"):
        return given
    for first, second in actions(kind):
        if does := found(*first):
            return action(does, found(*second), own)
    return (found(*DB_STATEMENT) if found(*DB_SYSTEM) else "") or own


def actions(kind: SpanKind) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """The keys of what a span does, and of what it does that to, in order of preference."""
    return (
        (METHOD, ("http.route",) if kind is SpanKind.SERVER else ("url.template",) if kind is SpanKind.CLIENT else ()),
        (MESSAGING_OPERATION, DESTINATION),
        (("rpc.method",), ("rpc.service",)),
        (("graphql.operation.type",), ("graphql.operation.name",)),
    )


def action(does: str, what: str, own: str) -> str:
    """The resource of a span that does something, to something or ("") to nothing that is known."""
    does = "HTTP" if does == "_OTHER" else does
    return f"{does} {what}" if what else own if _says_more(own, does) else does


@lru_cache(1_024)
def _says_more(name: str, does: str) -> bool:
    """Whether a name is more than what is done: `GET /cart` and `/cart` are, `HTTP GET` is not."""
    words = [word for word in str(name).split() if word.lower() != "http"]
    return len(words) > len(does.split()) or bool(words and words[0].startswith("/"))


def type_of(kind: SpanKind, found: Found) -> str:
    """The type; "" for none."""
    if given := found("span.type"):
        return given
    if found.is_empty("span.type"):
        return ""
    if kind is SpanKind.CLIENT and (system := found(*DB_SYSTEM)):
        return _DB_TYPES.get(system.lower(), "db")
    return _OPERATIONS[kind].type


def _complete(meta: Meta, attributes: Mapping[str, Any], found: Found) -> None:
    for key in STATUS:
        status = attributes.get(key)
        if status is not None:
            meta["http.status_code"] = status_text(status)
            break
    if "db.name" not in meta and (namespace := found("db.namespace")):
        meta["db.name"] = meta.get("db.namespace") or namespace


@lru_cache(1_024)
def tag_value(value: str) -> str:
    """Lower case; letters, digits and `:./-` kept, runs of anything else one `_`, none at the end."""
    return _OTHER_SIGNS.sub("_", value.lower())[:200].rstrip("_")
