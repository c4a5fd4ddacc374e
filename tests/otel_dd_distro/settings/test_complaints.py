"""One line for each bad value: which, and what is used instead."""

from __future__ import annotations

from typing import Any

import pytest

from otel_dd_distro.sampling.rules import rule_for_all
from tests.otel_dd_distro.settings.environment import settings, warnings

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("name", "text", "field", "used", "shown"),
    [
        ("DD_TRACE_ENABLED", "maybe", "enabled", True, "true"),
        ("DD_TRACE_OTEL_ENABLED", "yes", "enabled", True, "true"),
        ("OTEL_SDK_DISABLED", "yes", "enabled", True, "false"),
        ("DD_TRACE_DEBUG", "loud", "debug", False, "false"),
        ("OTEL_LOG_LEVEL", "LOUD", "debug", False, "info"),
        ("DD_TRACE_PARTIAL_FLUSH_ENABLED", "no", "partial_flush_enabled", False, "false"),
        ("DD_TRACE_PARTIAL_FLUSH_ENABLED", "nope", "partial_flush_enabled", True, "true"),
        ("DD_DJANGO_TRACING_MINIMAL", "perhaps", "django_caches", False, "true"),
        ("DD_BOTOCORE_DYNAMODB_TABLE_PRIMARY_KEYS", "{", "aws_table_keys", "", "nothing"),
        ("DD_BOTOCORE_DYNAMODB_TABLE_PRIMARY_KEYS", '{"cups": "kind"}', "aws_table_keys", "", "nothing"),
        ("DD_BOTOCORE_DYNAMODB_TABLE_PRIMARY_KEYS", '{"cups": ["a", "b", "c"]}', "aws_table_keys", "", "nothing"),
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
        ("DD_TRACE_AGENT_URL", "agent", "agent_url", "http://localhost:8126", "http://localhost:8126"),
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
        ("DD_TRACE_FLASK_ENABLED", "never", "instrumentor_enabled", {}, "nothing"),
        ("DD_TRACE_FLASK_ENABLED", "off", "instrumentor_enabled", {"flask": False}, "false"),
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


def test_what_is_switched_off_complains_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert not settings(DD_TRACE_ENABLED="false", DD_TRACE_SAMPLE_RATE="often").enabled
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("name", "only"),
    [
        ("DD_BOTOCORE_PROPAGATION_ENABLED", "false"),
        ("DD_BOTOCORE_EMPTY_POLL_ENABLED", "true"),
        ("DD_BOTOCORE_BEDROCK_RESOLVE_INFERENCE_PROFILE", "false"),
        ("DD_DJANGO_TRACE_FETCH_METHODS", "false"),
    ],
)
def test_what_is_not_here_is_one_line_where_it_is_asked_for(
    name: str, only: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings(**{name: only})
    assert warnings(caplog) == []
    settings(**{name: "true" if only == "false" else "false"})
    (line,) = warnings(caplog)
    assert line.startswith(f"{name}=")
    assert line.endswith(f"; {only} is used instead")
