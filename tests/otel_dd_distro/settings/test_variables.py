"""Every variable sets its field; without any, the defaults."""

from __future__ import annotations

from typing import Any

import pytest

from otel_dd_distro.settings import PER_INSTRUMENTOR, VARIABLES, Settings
from otel_dd_distro.settings.variables import FIXED
from tests.otel_dd_distro.settings.environment import settings, warnings

MIB = 1024 * 1024


def test_nothing_set_gives_the_defaults(caplog: pytest.LogCaptureFixture) -> None:
    assert settings()._asdict() == {
        "service": "unnamed-python-service",
        "service_is_explicit": False,
        "env": "",
        "version": "",
        "tags": {},
        "resource_attributes": {},
        "hostname": "",
        "report_hostname": False,
        "service_mapping": {},
        "remove_integration_service_names": False,
        "span_attribute_schema": "v0",
        "peer_service_defaults": False,
        "peer_service_mapping": {},
        "process_tags": True,
        "git_repository_url": "",
        "git_commit_sha": "",
        "main_package": "",
        "enabled": True,
        "exporters": ("datadog",),
        "otlp_protocol": "http/protobuf",
        "otlp_datadog_names": False,
        "links_to_senders": frozenset(),
        "kafka_propagation": False,
        "dbm_propagation_mode": "disabled",
        "django_middleware": True,
        "django_templates": False,
        "django_caches": False,
        "django_databases": False,
        "django_database_prefix": "",
        "django_user_name": True,
        "django_resource": "route",
        "aws_digests": True,
        "aws_table_keys": "",
        "aws_nested_context": False,
        "botocore_parsing": False,
        "psycopg_connect": False,
        "mysqldb_connect": False,
        "psycopg_fetches": False,
        "mysqldb_fetches": False,
        "pymysql_fetches": False,
        "mysql_connector_fetches": False,
        "sqlite3_fetches": False,
        "redis_names_alone": True,
        "valkey_names_alone": True,
        "redis_command_length": 1000,
        "memcached_keys": False,
        "debug": False,
        "startup_logs": False,
        "logs_injection": True,
        "runtime_metrics": False,
        "runtime_metrics_runtime_id": False,
        "dogstatsd_url": "udp://localhost:8125",
        "trace_ids_128_bit": True,
        "light_tracer": True,
        "disabled_instrumentors": frozenset(),
        "instrumentor_enabled": {},
        "instrumentor_service": {},
        "instrumentor_distributed_tracing": {},
        "instrumentor_split_by_domain": {},
        "agent_url": "http://localhost:8126",
        "agent_timeout_seconds": 2.0,
        "writer_buffer_bytes": 20 * MIB,
        "writer_payload_bytes": 20 * MIB,
        "writer_interval_seconds": 1.0,
        "writer_headers": {},
        "external_env": "",
        "shutdown_timeout_seconds": 2.0,
        "partial_flush_enabled": True,
        "partial_flush_min_spans": 300,
        "stats_enabled": False,
        "stats_additional_tags": (),
        "sampling_rules": (),
        "sampler": "",
        "rate_limit": 100,
        "span_sampling_rules": (),
        "explain_sampling": False,
        "keep_slower_than_seconds": None,
        "keep_errors": False,
        "keep_limit": 10.0,
        "extract_styles": ("datadog", "tracecontext", "baggage"),
        "inject_styles": ("datadog", "tracecontext", "baggage"),
        "extract_first": False,
        "extract_behavior": "continue",
        "tags_max_length": 512,
        "baggage_tag_keys": ("user.id", "account.id", "session.id"),
        "query_string_obfuscation": None,
        "server_query_string": True,
        "client_query_string": True,
        "server_error_statuses": frozenset(range(500, 600)),
        "header_tags": {},
        "client_ip": False,
        "client_ip_header": "",
        "resource_renaming": False,
        "server_request_headers": (),
        "server_response_headers": (),
        "client_request_headers": (),
        "client_response_headers": (),
    }
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("environ", "field", "value"),
    [
        ({"DD_ENV": "prod"}, "env", "prod"),
        ({"DD_ENV": "  prod "}, "env", "prod"),
        ({"DD_VERSION": "1.2"}, "version", "1.2"),
        ({"DD_HOSTNAME": "h"}, "hostname", "h"),
        ({"DD_TRACE_REPORT_HOSTNAME": "TRUE"}, "report_hostname", True),
        ({"DD_SERVICE_MAPPING": "a:b,c:d:e"}, "service_mapping", {"a": "b", "c": "d:e"}),
        ({"DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED": "1"}, "remove_integration_service_names", True),
        ({"DD_TRACE_DEBUG": "1"}, "debug", True),
        ({"OTEL_LOG_LEVEL": "DEBUG"}, "debug", True),
        ({"OTEL_LOG_LEVEL": "info"}, "debug", False),
        ({"DD_TRACE_DEBUG": "false", "OTEL_LOG_LEVEL": "debug"}, "debug", False),
        ({"DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED": "0"}, "trace_ids_128_bit", False),
        ({"OTEL_DD_LIGHT_TRACER": "false"}, "light_tracer", False),
        ({"DD_TRACE_AGENT_TIMEOUT_SECONDS": "0.5"}, "agent_timeout_seconds", 0.5),
        ({"DD_TRACE_WRITER_BUFFER_SIZE_BYTES": "1000"}, "writer_buffer_bytes", 1000),
        ({"DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES": "1000"}, "writer_payload_bytes", 1000),
        ({"DD_TRACE_WRITER_INTERVAL_SECONDS": "5"}, "writer_interval_seconds", 5.0),
        ({"_DD_TRACE_WRITER_ADDITIONAL_HEADERS": "X-A:t"}, "writer_headers", {"X-A": "t"}),
        ({"_DD_TRACE_WRITER_ADDITIONAL_HEADERS": "X-A:t u,X-B:v"}, "writer_headers", {"X-A": "t u", "X-B": "v"}),
        ({"DD_EXTERNAL_ENV": "it-false,cn-app"}, "external_env", "it-false,cn-app"),
        ({"OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS": "0"}, "shutdown_timeout_seconds", 0.0),
        ({"DD_TRACE_PARTIAL_FLUSH_ENABLED": "False"}, "partial_flush_enabled", False),
        ({"DD_TRACE_PARTIAL_FLUSH_MIN_SPANS": "1"}, "partial_flush_min_spans", 1),
        ({"DD_TRACE_STATS_COMPUTATION_ENABLED": "true"}, "stats_enabled", True),
        ({"DD_TRACE_COMPUTE_STATS": "1"}, "stats_enabled", True),
        ({"DD_TRACE_COMPUTE_STATS": "1", "DD_TRACE_STATS_COMPUTATION_ENABLED": "0"}, "stats_enabled", False),
        ({"DD_TRACE_STATS_ADDITIONAL_TAGS": "tier, region,tier"}, "stats_additional_tags", ("region", "tier")),
        ({"DD_TRACE_RATE_LIMIT": "-1"}, "rate_limit", -1),
        ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "sampler", "jaeger_remote"),
        ({"OTEL_DD_EXPLAIN_SAMPLING": "true"}, "explain_sampling", True),
        ({"OTEL_DD_KEEP_SLOWER_THAN": "500ms"}, "keep_slower_than_seconds", 0.5),
        ({"OTEL_DD_KEEP_SLOWER_THAN": "2 S"}, "keep_slower_than_seconds", 2.0),
        ({"OTEL_DD_KEEP_SLOWER_THAN": "1.5"}, "keep_slower_than_seconds", 1.5),
        ({"OTEL_DD_KEEP_ERRORS": "1"}, "keep_errors", True),
        ({"OTEL_DD_KEEP_LIMIT": "0.5"}, "keep_limit", 0.5),
        ({"DD_TRACE_PROPAGATION_EXTRACT_FIRST": "true"}, "extract_first", True),
        ({"DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT": "Restart"}, "extract_behavior", "restart"),
        ({"DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH": "0"}, "tags_max_length", 0),
        ({"DD_TRACE_BAGGAGE_TAG_KEYS": ""}, "baggage_tag_keys", ()),
        ({"DD_TRACE_BAGGAGE_TAG_KEYS": " * "}, "baggage_tag_keys", ("*",)),
        ({"DD_TRACE_BAGGAGE_TAG_KEYS": "a, b"}, "baggage_tag_keys", ("a", "b")),
        ({"DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP": ""}, "query_string_obfuscation", ""),
        ({"DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP": " a "}, "query_string_obfuscation", " a "),
        ({"DD_HTTP_SERVER_TAG_QUERY_STRING": "false"}, "server_query_string", False),
        ({"DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING": "false"}, "client_query_string", False),
        ({"DD_TRACE_HTTP_SERVER_ERROR_STATUSES": "404, 502-500"}, "server_error_statuses", {404, 500, 501, 502}),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "otlp_protocol", "grpc"),
        ({"OTEL_DD_OTLP_DATADOG_NAMES": "true"}, "otlp_datadog_names", True),
        ({"DD_DBM_PROPAGATION_MODE": "Full"}, "dbm_propagation_mode", "full"),
        ({"DD_REDIS_RESOURCE_ONLY_COMMAND": "false"}, "redis_names_alone", False),
        ({"DD_VALKEY_RESOURCE_ONLY_COMMAND": "false"}, "valkey_names_alone", False),
        ({"DD_REDIS_CMD_MAX_LENGTH": "20"}, "redis_command_length", 20),
        ({"DD_TRACE_ENABLED": ""}, "enabled", True),
    ],
)
def test_a_variable_sets_its_field(
    environ: dict[str, str], field: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert getattr(settings(**environ), field) == value
    assert warnings(caplog) == []


def test_every_field_is_in_the_table() -> None:
    fields = set(Settings._fields)
    listed = {variable.field for variable in VARIABLES if variable.field != FIXED} | {
        family.field for family in PER_INSTRUMENTOR
    }
    assert fields == listed | {"service_is_explicit"}
