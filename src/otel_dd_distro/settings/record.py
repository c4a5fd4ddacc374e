"""The settings as one frozen record: a field for each thing that the environment can set."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..sampling.rules import Rule, SpanRule

OFF_BY_DEFAULT = frozenset({"httplib", "kombu", "urllib3"})
"""Instrumentors that are to be switched on by name: what they see, a layer above or below them is traced for.

Somebody else's instrumentor of the same library, where one is installed, switches them on as well.
"""


DATADOG_NAMES: Mapping[str, str] = {
    "confluent_kafka": "kafka",
    "djangorestframework": "django",
    "mongoengine": "pymongo",
    "mysql_connector": "mysql",
    "opensearch": "elasticsearch",
}
"""What Datadog calls the library of an instrumentor in its variables, where that is not the instrumentor's name."""

_OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_KAFKA = frozenset({"aiokafka", "confluent_kafka", "kafka"})


class Settings(NamedTuple):
    """What the environment asks for. Made by `read`; the defaults stand in the table `VARIABLES`."""

    service: str
    service_is_explicit: bool
    """False when the service was inferred from the command line: only then may a library name its own."""
    env: str
    version: str
    tags: Mapping[str, str]
    """For every span; without service, env and version."""
    resource_attributes: Mapping[str, str]
    """Of OTEL_RESOURCE_ATTRIBUTES, as given there."""
    hostname: str
    report_hostname: bool
    service_mapping: Mapping[str, str]
    remove_integration_service_names: bool
    span_attribute_schema: str
    """`v0` or `v1`: which operation names our instrumentors' spans bear, and whose service."""
    peer_service_defaults: bool
    peer_service_mapping: Mapping[str, str]
    process_tags: bool
    git_repository_url: str
    """Without credentials; this and the two below are empty where git metadata is not wanted."""
    git_commit_sha: str
    main_package: str

    enabled: bool
    """False: no thread, no socket, no log line."""
    exporters: tuple[str, ...]
    """Names of trace exporters; empty for none."""
    otlp_protocol: str
    """`http/protobuf` or `grpc`."""
    otlp_datadog_names: bool
    debug: bool
    startup_logs: bool
    logs_injection: bool
    runtime_metrics: bool
    runtime_metrics_runtime_id: bool
    dogstatsd_url: str
    """`udp://host:port` or `unix:///path`."""
    trace_ids_128_bit: bool
    light_tracer: bool
    disabled_instrumentors: frozenset[str]
    instrumentor_enabled: Mapping[str, bool]
    """By name, lower case with underscores, like the three below."""
    instrumentor_service: Mapping[str, str]
    instrumentor_distributed_tracing: Mapping[str, bool]
    instrumentor_split_by_domain: Mapping[str, bool]

    agent_url: str
    """`http[s]://host[:port][/prefix]` or `unix:///path`; no credentials, no slash at the end."""
    agent_timeout_seconds: float
    writer_buffer_bytes: int
    writer_payload_bytes: int
    writer_interval_seconds: float
    writer_headers: Mapping[str, str]
    external_env: str
    shutdown_timeout_seconds: float
    partial_flush_enabled: bool
    partial_flush_min_spans: int
    stats_enabled: bool
    """Whether spans are counted here, if the Agent lets us."""
    stats_additional_tags: tuple[str, ...]
    """At most four, sorted."""

    sampling_rules: tuple[Rule, ...]
    """In the order in which they are asked; a rate for all traces is the last of them."""
    sampler: str
    """Name of a sampler that only OpenTelemetry's SDK can make; "" for ours, which records every trace."""
    rate_limit: int
    """Traces a second that rules may keep; negative for any number."""
    span_sampling_rules: tuple[SpanRule, ...]
    explain_sampling: bool
    keep_slower_than_seconds: float | None
    keep_errors: bool
    keep_limit: float
    """Traces a second that the two above may keep; negative for any number."""

    extract_styles: tuple[str, ...]
    inject_styles: tuple[str, ...]
    extract_first: bool
    extract_behavior: str
    """`continue`, `restart` or `ignore`."""
    tags_max_length: int
    baggage_tag_keys: tuple[str, ...]
    """`("*",)` for all of them."""

    query_string_obfuscation: str | None
    """A regular expression, not yet compiled; None for the built-in one, "" for no obfuscation."""
    server_query_string: bool
    client_query_string: bool
    server_error_statuses: frozenset[int]
    header_tags: Mapping[str, str]
    """Header name in lower case -> tag; an empty tag for the one that is made of the name."""
    client_ip: bool
    client_ip_header: str
    """The one header that is believed, in lower case; "" for the usual ones."""
    resource_renaming: bool
    server_request_headers: tuple[str, ...]
    """This and the three below: names or patterns of headers that instrumentors are asked to put on spans."""
    server_response_headers: tuple[str, ...]
    client_request_headers: tuple[str, ...]
    client_response_headers: tuple[str, ...]

    links_to_senders: frozenset[str]
    """Of instrumentors, or of what Datadog calls their libraries."""
    kafka_propagation: bool
    dbm_propagation_mode: str
    """`disabled`, `service` or `full`."""
    aws_digests: bool
    aws_table_keys: str
    aws_nested_context: bool
    botocore_parsing: bool
    psycopg_connect: bool
    mysqldb_connect: bool
    psycopg_fetches: bool
    mysqldb_fetches: bool
    pymysql_fetches: bool
    mysql_connector_fetches: bool
    sqlite3_fetches: bool
    redis_names_alone: bool
    valkey_names_alone: bool
    redis_command_length: int
    memcached_keys: bool

    django_middleware: bool
    """Whether there are spans for it; likewise the three below."""
    django_templates: bool
    django_caches: bool
    django_databases: bool
    django_database_prefix: str
    django_user_name: bool
    django_resource: str
    """What requests are named by: `route`, `handler` (with the method before it) or `view` (alone)."""

    def instruments(self, name: str, *, is_replacing: bool = False) -> bool:
        """Whether the instrumentor of this entry point name is wanted: DD_TRACE_<NAME>_ENABLED, else the OTel list.

        Those of OFF_BY_DEFAULT are wanted where the former says so, and in the place of one of somebody else's
        (`is_replacing`).
        """
        for known in names_in_variables(name):
            if known in self.instrumentor_enabled:
                return self.instrumentor_enabled[known]
        if name in self.disabled_instrumentors or "*" in self.disabled_instrumentors:
            return False
        return is_replacing or name not in OFF_BY_DEFAULT

    def disables(self, names: Collection[str]) -> bool:
        """Whether OTEL_PYTHON_DISABLED_INSTRUMENTATIONS has all of these names, where there are some."""
        return bool(names) and self.disabled_instrumentors.issuperset(names)

    def propagates(self, name: str) -> bool:
        """Whether the instrumentor of this entry point name reads and writes propagation headers."""
        otherwise = self.kafka_propagation if name in _KAFKA else True
        return self.instrumentor_distributed_tracing.get(name.lower().replace("-", "_"), otherwise)

    def exporter_entry(self, name: str) -> str:
        """The name of the entry point of one of the exporters: `otlp` is the one of its protocol."""
        return _OTLP[self.otlp_protocol] if name == "otlp" else name

    def links(self, name: str) -> bool:
        """Whether this instrumentor's spans of messages received are linked to the senders'."""
        return not self.links_to_senders.isdisjoint(names_in_variables(name))


def names_in_variables(instrumentor: str) -> tuple[str, ...]:
    """The names of an instrumentor in variables, in lower case, its own first."""
    name = instrumentor.lower().replace("-", "_")
    other = DATADOG_NAMES.get(name)
    return (name,) if other is None else (name, other)
