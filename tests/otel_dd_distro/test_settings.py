"""Every variable, its twins, its bad values, and the service that the command line gives."""

from __future__ import annotations

import dataclasses
import logging
import os
import pathlib
import random
import subprocess
import sys
from typing import Any

import pytest

from otel_dd_distro.sampling.rules import rule_for_all
from otel_dd_distro.settings import AGENT_SOCKET, PER_INSTRUMENTOR, VARIABLES, Settings, inferred_service, read

ROOT = pathlib.Path(__file__).parents[2]
MIB = 1024 * 1024


def settings(**environ: str) -> Settings:
    return read(environ, argv=(), exists=lambda path: False)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert {record.name for record in caplog.records} <= {"otel_dd_distro"}
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("environ", "on"),
    [
        ({"DD_DJANGO_TRACING_MINIMAL": "false"}, {"templates", "caches", "databases"}),
        ({"DD_DJANGO_TRACING_MINIMAL": "0", "DD_DJANGO_INSTRUMENT_CACHES": "0"}, {"templates", "databases"}),
        ({"DD_DJANGO_INSTRUMENT_TEMPLATES": "1"}, {"templates"}),
        ({"OTEL_INSTRUMENTATION_DJANGO_DATABASES": "true"}, {"databases"}),
        ({"DD_DJANGO_INSTRUMENT_DATABASES": "0", "OTEL_INSTRUMENTATION_DJANGO_DATABASES": "1"}, set()),
    ],
)
def test_django_is_traced_minimally_unless_told_otherwise(environ: dict[str, str], on: set[str]) -> None:
    read = settings(**environ)
    assert {name for name in ("templates", "caches", "databases") if getattr(read, f"django_{name}")} == on


def test_nothing_set_gives_the_defaults(caplog: pytest.LogCaptureFixture) -> None:
    assert dataclasses.asdict(settings()) == {
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
        "dbm_propagation_mode": "disabled",
        "django_middleware": True,
        "django_templates": False,
        "django_caches": False,
        "django_databases": False,
        "django_database_prefix": "",
        "django_user_name": True,
        "django_resource": "route",
        "redis_names_alone": True,
        "redis_command_length": 1000,
        "memcached_keys": False,
        "debug": False,
        "startup_logs": False,
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
        ({"DD_REDIS_CMD_MAX_LENGTH": "20"}, "redis_command_length", 20),
        ({"DD_TRACE_ENABLED": ""}, "enabled", True),
    ],
)
def test_a_variable_sets_its_field(
    environ: dict[str, str], field: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert getattr(settings(**environ), field) == value
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("name", "text", "field", "used", "shown"),
    [
        ("DD_TRACE_ENABLED", "maybe", "enabled", False, "false"),
        ("DD_TRACE_DEBUG", "loud", "debug", False, "false"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "soon", "agent_timeout_seconds", 2.0, "2.0"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "nan", "agent_timeout_seconds", 2.0, "2.0"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "inf", "agent_timeout_seconds", 2.0, "2.0"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "-1", "agent_timeout_seconds", 2.0, "2.0"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "0", "agent_timeout_seconds", 2.0, "2.0"),
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "1e9", "writer_interval_seconds", 1.0, "1.0"),
        ("OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS", "-0.1", "shutdown_timeout_seconds", 2.0, "2.0"),
        ("DD_TRACE_WRITER_BUFFER_SIZE_BYTES", "0", "writer_buffer_bytes", 20 * MIB, str(20 * MIB)),
        ("DD_TRACE_WRITER_BUFFER_SIZE_BYTES", "20MB", "writer_buffer_bytes", 20 * MIB, str(20 * MIB)),
        ("DD_TRACE_WRITER_BUFFER_SIZE_BYTES", "9" * 100_000, "writer_buffer_bytes", 20 * MIB, str(20 * MIB)),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "0", "partial_flush_min_spans", 1, "1"),
        ("DD_TRACE_STATS_ADDITIONAL_TAGS", "e,d,c,b,a", "stats_additional_tags", ("a", "b", "c", "d"), "a, b, c, d"),
        ("DD_TRACE_STATS_ADDITIONAL_TAGS", "b,a:x", "stats_additional_tags", ("b",), "b"),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "1.5", "partial_flush_min_spans", 300, "300"),
        ("DD_TRACE_RATE_LIMIT", "many", "rate_limit", 100, "100"),
        ("DD_TRACE_SAMPLING_RULES", "{", "sampling_rules", (), "nothing"),
        ("DD_TRACE_SAMPLING_RULES", '{"sample_rate": 1}', "sampling_rules", (), "nothing"),
        ("DD_TRACE_SAMPLING_RULES", "[" * 100_000, "sampling_rules", (), "nothing"),
        ("DD_TRACE_SAMPLE_RATE", "often", "sampling_rules", (), "nothing"),
        ("DD_TRACE_SAMPLE_RATE", "nan", "sampling_rules", (), "nothing"),
        ("DD_TRACE_SAMPLE_RATE", "1.5", "sampling_rules", (rule_for_all("DD_TRACE_SAMPLE_RATE", 1.0),), "1.0"),
        ("OTEL_TRACES_SAMPLER", "always_on", "sampler", "", "parentbased_always_on"),
        ("DD_SPAN_SAMPLING_RULES", "{", "span_sampling_rules", (), "nothing"),
        ("DD_SPAN_SAMPLING_RULES_FILE", "/nowhere", "span_sampling_rules", (), "nothing"),
        ("OTEL_DD_KEEP_SLOWER_THAN", "long", "keep_slower_than_seconds", None, "nothing"),
        ("OTEL_DD_KEEP_SLOWER_THAN", "-5ms", "keep_slower_than_seconds", None, "nothing"),
        ("OTEL_DD_KEEP_LIMIT", "inf", "keep_limit", 10.0, "10.0"),
        ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "-1", "tags_max_length", 0, "0"),
        ("DD_TRACE_AGENT_PORT", "-1", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_PORT", "65536", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_PORT", "\u0661", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_AGENT_HOST", "http://agent", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_AGENT_HOST", "a b", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_AGENT_HOST", "a\x00", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_URL", "agent:8126", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_URL", "ftp://agent", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_URL", "http://", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_URL", "http://a:b", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_URL", "http://[::1", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_URL", "http://a/?b", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_URL", "http://a\n/", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_AGENT_URL", "unix://apm.socket", "agent_url", "http://localhost:8126", "http://localhost:8126"),
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "b4, b3", "extract_styles", ("b3",), "b3"),
        ("DD_TRACE_PROPAGATION_STYLE", ",", "inject_styles", ("datadog", "tracecontext", "baggage"), "datadog, trace"),
        ("OTEL_PROPAGATORS", "jaeger", "extract_styles", ("datadog", "tracecontext", "baggage"), "datadog, tracecon"),
        ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "stop", "extract_behavior", "continue", "continue"),
        ("DD_TRACE_HTTP_SERVER_ERROR_STATUSES", "404,5xx", "server_error_statuses", {404}, "404"),
        ("DD_TRACE_HTTP_SERVER_ERROR_STATUSES", "0-999999999", "server_error_statuses", set(), "nothing"),
        ("OTEL_TRACES_EXPORTER", " , ", "exporters", ("datadog",), "datadog"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,c", "resource_attributes", {}, "nothing"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b=c", "resource_attributes", {}, "nothing"),
        ("DD_SERVICE", "s" * 6000, "service", "unnamed-python-service", "unnamed-python-service"),
        ("DD_EXTERNAL_ENV", "a\r\nX-B: c", "external_env", "", "nothing"),
        ("DD_FLASK_SERVICE", "s" * 6000, "instrumentor_service", {}, "nothing"),
        ("DD_TRACE_FLASK_ENABLED", "never", "instrumentor_enabled", {"flask": False}, "false"),
    ],
)
def test_a_bad_value_costs_one_warning_that_names_it_and_what_is_used(
    name: str, text: str, field: str, used: Any, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert getattr(settings(**{name: text}), field) == used
    (warning,) = warnings(caplog)
    assert warning.startswith(f"{name}=")
    assert repr(text[:50].strip())[1:-1] in warning
    assert f"; {shown}" in warning
    assert warning.endswith(" is used instead")
    assert "\n" not in warning
    assert len(warning) < 500


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DD_TRACE_AGENT_URL", "http://user:hush@agent:8126"),
        ("DD_TRACE_AGENT_URL", "http://user:hu/sh@agent:8126"),
        ("DD_TRACE_AGENT_URL", "http://user:hush@sh@agent:none"),
        ("DD_TRACE_AGENT_URL", "ftp://hush@agent"),
        ("DD_AGENT_HOST", "user:hush@agent"),
        ("_DD_TRACE_WRITER_ADDITIONAL_HEADERS", "X-Key:hush\x00,X-B:c"),
    ],
)
def test_no_warning_and_no_setting_shows_a_credential(name: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    read_settings = settings(**{name: text})
    (warning,) = warnings(caplog)
    assert "hu" not in warning.replace("http", "")
    assert "hush" not in repr(read_settings)


@pytest.mark.parametrize(
    ("environ", "service", "explicit"),
    [
        ({"DD_SERVICE": "a", "OTEL_SERVICE_NAME": "b"}, "a", True),
        ({"OTEL_SERVICE_NAME": "b", "DD_TAGS": "service:c"}, "b", True),
        ({"DD_TAGS": "service:c", "OTEL_RESOURCE_ATTRIBUTES": "service.name=d"}, "c", True),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=d"}, "d", True),
        ({"DD_SERVICE": "", "OTEL_SERVICE_NAME": "b"}, "b", True),
        ({}, "unnamed-python-service", False),
    ],
)
def test_the_service_is_the_first_that_is_named(environ: dict[str, str], service: str, explicit: bool) -> None:
    read_settings = settings(**environ)
    assert (read_settings.service, read_settings.service_is_explicit) == (service, explicit)


@pytest.mark.parametrize(
    ("environ", "env", "version", "tags"),
    [
        ({"DD_TAGS": "env:e,version:v,service:s,a:b"}, "e", "v", {"a": "b"}),
        ({"DD_TAGS": "env:e version:v a:b c"}, "e", "v", {"a": "b", "c": ""}),
        ({"DD_TAGS": "env:e,a:b", "DD_ENV": "f", "DD_VERSION": "w"}, "f", "w", {"a": "b"}),
        ({"DD_TAGS": "a:b c,d:e:f, :g,a:z"}, "", "", {"a": "z", "d": "e:f"}),
        ({"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=e,service.version=v,a=b"}, "e", "v", {"a": "b"}),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=e,deployment.environment.name=n,a=%20x"},
            "n",
            "",
            {"a": " x"},
        ),
        ({"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=e,a=b", "DD_TAGS": "c:d"}, "e", "", {"c": "d"}),
    ],
)
def test_tags_hold_what_is_neither_service_nor_env_nor_version(
    environ: dict[str, str], env: str, version: str, tags: dict[str, str]
) -> None:
    read_settings = settings(**environ)
    assert (read_settings.env, read_settings.version, read_settings.tags) == (env, version, tags)


@pytest.mark.parametrize(
    ("environ", "enabled", "exporters"),
    [
        ({"DD_TRACE_ENABLED": "false"}, False, ("datadog",)),
        ({"OTEL_SDK_DISABLED": "true"}, False, ("datadog",)),
        ({"OTEL_SDK_DISABLED": "true", "DD_TRACE_ENABLED": "true"}, False, ("datadog",)),
        ({"OTEL_TRACES_EXPORTER": "none"}, False, ()),
        ({"OTEL_TRACES_EXPORTER": "none", "DD_TRACE_ENABLED": "true"}, True, ("datadog",)),
        ({"OTEL_TRACES_EXPORTER": "OTLP"}, True, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "datadog, otlp,datadog"}, True, ("datadog", "otlp")),
        ({"OTEL_TRACES_EXPORTER": "console,none,MyOwn"}, True, ("console", "MyOwn")),
        ({"OTEL_TRACES_EXPORTER": "otlp", "DD_TRACE_ENABLED": "false"}, False, ("otlp",)),
    ],
)
def test_what_is_exported_where(environ: dict[str, str], enabled: bool, exporters: tuple[str, ...]) -> None:
    read_settings = settings(**environ)
    assert (read_settings.enabled, read_settings.exporters) == (enabled, exporters)


@pytest.mark.parametrize(
    ("environ", "url", "sha"),
    [
        ({}, "", ""),
        (
            {"DD_GIT_REPOSITORY_URL": "https://git.example/a/b", "DD_GIT_COMMIT_SHA": "c0"},
            "https://git.example/a/b",
            "c0",
        ),
        ({"DD_GIT_REPOSITORY_URL": "https://me:pw@git.example/a@b"}, "https://git.example/a@b", ""),
        ({"DD_GIT_REPOSITORY_URL": "https://token@git.example"}, "https://git.example", ""),
        ({"DD_GIT_REPOSITORY_URL": "ssh://git@git.example:22/a"}, "ssh://git.example:22/a", ""),
        ({"DD_GIT_REPOSITORY_URL": "git@git.example:a/b.git"}, "git@git.example:a/b.git", ""),
        ({"DD_GIT_REPOSITORY_URL": "me:pw@git.example/a"}, "git.example/a", ""),
        ({"DD_GIT_REPOSITORY_URL": "/srv/a@b"}, "/srv/a@b", ""),
        (
            {"DD_TAGS": "git.repository_url:https://me:pw@git.example/a,git.commit.sha:c1"},
            "https://git.example/a",
            "c1",
        ),
        ({"DD_TAGS": "git.commit.sha:c1", "DD_GIT_COMMIT_SHA": "c0"}, "", "c0"),
        ({"DD_GIT_COMMIT_SHA": "c0", "DD_TRACE_GIT_METADATA_ENABLED": "false"}, "", ""),
    ],
)
def test_the_source_that_runs_is_told_without_credentials(environ: dict[str, str], url: str, sha: str) -> None:
    read_settings = settings(**environ)
    assert (read_settings.git_repository_url, read_settings.git_commit_sha) == (url, sha)
    assert read_settings.tags == {}


def test_header_tags_are_known_by_the_headers_name_in_lower_case() -> None:
    assert settings(DD_TRACE_HEADER_TAGS="X-Tea:Tea.Kind, x-cup ,X-Pot:").header_tags == {
        "x-tea": "Tea.Kind",
        "x-cup": "",
        "x-pot": "",
    }
    assert settings(DD_TRACE_HEADER_TAGS="X-Tea x-cup:c").header_tags == {"x-tea": "", "x-cup": "c"}
    assert settings(DD_TRACE_CLIENT_IP_HEADER=" X-From ").client_ip_header == "x-from"


def test_schema_v1_names_peers() -> None:
    assert settings(DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="V1").peer_service_defaults
    assert not settings(DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v0").peer_service_defaults


@pytest.mark.parametrize(
    ("environ", "extract", "inject"),
    [
        ({"DD_TRACE_PROPAGATION_STYLE": "B3, datadog,b3"}, ("b3", "datadog"), ("b3", "datadog")),
        ({"DD_TRACE_PROPAGATION_STYLE": "b3 single header"}, ("b3",), ("b3",)),
        ({"DD_TRACE_PROPAGATION_STYLE": "none"}, (), ()),
        ({"DD_TRACE_PROPAGATION_STYLE": "none,b3"}, ("b3",), ("b3",)),
        ({"OTEL_PROPAGATORS": "tracecontext,baggage"}, ("tracecontext", "baggage"), ("tracecontext", "baggage")),
        ({"OTEL_PROPAGATORS": "b3", "DD_TRACE_PROPAGATION_STYLE": "b3multi"}, ("b3multi",), ("b3multi",)),
        (
            {"DD_TRACE_PROPAGATION_STYLE": "b3", "DD_TRACE_PROPAGATION_STYLE_EXTRACT": "datadog"},
            ("datadog",),
            ("b3",),
        ),
        ({"OTEL_PROPAGATORS": "b3", "DD_TRACE_PROPAGATION_STYLE_INJECT": "none"}, ("b3",), ()),
    ],
)
def test_the_styles_of_both_directions(environ: dict[str, str], extract: Any, inject: Any) -> None:
    read_settings = settings(**environ)
    assert (read_settings.extract_styles, read_settings.inject_styles) == (extract, inject)


@pytest.mark.parametrize(
    ("environ", "socket", "url"),
    [
        ({}, False, "http://localhost:8126"),
        ({}, True, f"unix://{AGENT_SOCKET}"),
        ({"DD_AGENT_HOST": "agent"}, True, "http://agent:8126"),
        ({"DD_TRACE_AGENT_HOSTNAME": "agent"}, False, "http://agent:8126"),
        ({"DD_TRACE_AGENT_PORT": "9"}, True, "http://localhost:9"),
        ({"DD_AGENT_HOST": "10.0.0.1", "DD_TRACE_AGENT_PORT": "9"}, False, "http://10.0.0.1:9"),
        ({"DD_AGENT_HOST": "::1"}, False, "http://[::1]:8126"),
        ({"DD_AGENT_HOST": "[fe80::1%eth0]"}, False, "http://[fe80::1%eth0]:8126"),
        ({"DD_TRACE_AGENT_URL": "http://a:1", "DD_AGENT_HOST": "b"}, True, "http://a:1"),
        ({"DD_TRACE_AGENT_URL": "HTTPS://A.example/dd/agent/"}, False, "https://A.example/dd/agent"),
        ({"DD_TRACE_AGENT_URL": "http://[::1]:8126/"}, False, "http://[::1]:8126"),
        ({"DD_TRACE_AGENT_URL": "unix:///run/apm.socket"}, False, "unix:///run/apm.socket"),
        ({"DD_TRACE_AGENT_URL": "http://u:p@a:1/x"}, False, "http://a:1/x"),
        ({"DD_TRACE_AGENT_URL": "nonsense", "DD_AGENT_HOST": "b"}, True, "http://b:8126"),
    ],
)
def test_the_agent_is_found_in_this_order(environ: dict[str, str], socket: bool, url: str) -> None:
    asked = []

    def exists(path: str) -> bool:
        asked.append(path)
        return socket

    assert read(environ, argv=(), exists=exists).agent_url == url
    assert set(asked) <= {AGENT_SOCKET}


def test_variables_of_one_instrumentor_are_kept_by_its_name() -> None:
    environ = {
        "DD_TRACE_FLASK_ENABLED": "false",
        "DD_TRACE_AIOHTTP_CLIENT_ENABLED": "true",
        "DD_FLASK_SERVICE": "front",
        "DD_REQUESTS_DISTRIBUTED_TRACING": "0",
        "DD_REQUESTS_SPLIT_BY_DOMAIN": "1",
        "DD_TRACE_ENABLED": "true",
        "DD_TRACE_PARTIAL_FLUSH_ENABLED": "false",
        "DD_SERVICE": "shop",
        "DD_TRACE_JINJA2_ENABLED": "",
    }
    read_settings = settings(**environ)
    assert read_settings.instrumentor_enabled == {"flask": False, "aiohttp_client": True}
    assert read_settings.instrumentor_service == {"flask": "front"}
    assert read_settings.instrumentor_distributed_tracing == {"requests": False}
    assert read_settings.instrumentor_split_by_domain == {"requests": True}


@pytest.mark.parametrize(
    ("environ", "name", "wanted"),
    [
        ({}, "flask", True),
        ({"DD_TRACE_FLASK_ENABLED": "false"}, "flask", False),
        ({"DD_TRACE_AIOHTTP_CLIENT_ENABLED": "false"}, "aiohttp-client", False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis , flask"}, "flask", False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis"}, "flask", True),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}, "flask", False),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*", "DD_TRACE_FLASK_ENABLED": "1"}, "flask", True),
        ({}, "kombu", False),
        ({"DD_TRACE_KOMBU_ENABLED": "true"}, "kombu", True),
    ],
)
def test_an_instrumentor_is_wanted_unless_it_is_disabled(environ: dict[str, str], name: str, wanted: bool) -> None:
    assert settings(**environ).instruments(name) is wanted


def test_bytes_that_are_no_text_do_not_reach_the_settings() -> None:
    assert settings(DD_SERVICE="caf\udce9", DD_TAGS="a:\udcff").service == "caf?"


# --- the service of a command line: what ddtrace-run 4.16 gave for the same tree ---


@pytest.fixture
def tree(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    root = tmp_path / "prop"
    for name in ("a/app.py", "a/sub/app.py", "a/pkg/app.py", "a/pkg/__init__.py", "b/tool.py", "b/tool", "c/bin/run"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(root / "a")
    return root


@pytest.mark.parametrize(
    ("argv", "service"),
    [
        (["app.py"], "a"),
        (["sub/app.py"], "a"),
        (["pkg/app.py"], "pkg"),
        (["../b/tool.py", "a=1", "--x", "y"], "b"),
        (["../b/tool"], "b"),
        (["../c/bin/run"], ""),
        (["../c/bin/run", "-w", "2", "-c", "/dev/null", "--chdir", "../b", "tool:app"], "dev"),
        (["../c/bin/run", "app:app", "-b", "127.0.0.1:8000"], ""),
        (["../c/bin/run", "--app", "pkg.app", "run"], ""),
        (["../c/bin/run", "--config", "../b/tool.py"], "b"),
        (["-m"], ""),
        (["-m", "app:app", "-b", "127.0.0.1:8000"], ""),
        (["-c"], ""),
        (["python3.11", "app.py"], "a"),
        ([], ""),
        (["\x00", "x" * 100_000, "app.py"], "a"),
    ],
)
def test_a_command_line_gives_the_service_that_ddtrace_gives(tree: pathlib.Path, argv: list[str], service: str) -> None:
    assert inferred_service(argv) == service
    assert read({}, argv=argv).service == (service or "unnamed-python-service")
    assert read({}, argv=argv).service_is_explicit is False


def test_inside_a_package_its_directory_names_the_service(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "a" / "pkg")
    assert inferred_service(["app.py"]) == "pkg"
    (tree / "a" / "__init__.py").touch()
    assert inferred_service(["app.py"]) == "a.pkg"


def test_at_start_up_the_command_line_is_already_there(tree: pathlib.Path) -> None:
    site = tree / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("from otel_dd_distro import settings; print(settings.read({}).service)")
    sources = [str(site), str(ROOT / "src")]
    environ = {"PYTHONPATH": os.pathsep.join(sources)}
    result = subprocess.run([sys.executable, "sub/app.py"], env=environ, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["a"]


# --- robustness and the page ---

NAMES = sorted({name for variable in VARIABLES for name in variable.names}) + [
    f"{family.prefix}{middle}{family.suffix}" for family in PER_INSTRUMENTOR for middle in ("FLASK", "", "X_Y")
]
VALUES = [
    "",
    " ",
    "true",
    "0",
    "-1",
    "1e400",
    "nan",
    "\x00",
    "\n",
    "\udcff",
    "\U0001f600",
    "://",
    "http://[",
    "http://]:1",
]
VALUES += ["@", ",", ":", "=", "%", "a=%zz", "9" * 10_000, "a:b,c:d", "none", "datadog,none", "unix://", "[]", "1-2-3"]


def test_no_environment_raises_and_every_warning_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(7)
    for _ in range(2000):
        environ = {name: chance.choice(VALUES) for name in chance.sample(NAMES, 12)}
        caplog.clear()
        assert isinstance(read(environ, argv=(), exists=lambda path: False), Settings)
        named = [warning.partition("=")[0] for warning in warnings(caplog)]
        assert len(named) == len(set(named))
        assert all(warning.isprintable() for warning in warnings(caplog))


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings().service = "x"  # type: ignore[misc]


def test_every_field_is_in_the_table() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    listed = {variable.field for variable in VARIABLES} | {family.field for family in PER_INSTRUMENTOR}
    assert fields == listed | {"service_is_explicit"}
