"""Variables of ddtrace that this distro does not read: what replaces each, or that nothing does.

Source: ddtrace 4.16, its list of supported configurations. By their beginnings; the longest that fits is told.
"""

from __future__ import annotations

_NOT_HERE = {
    "DD_PROFILING_": "the profiler is not here: run ddtrace's beside, or none",
    "DD_APPSEC_": "application security is not here",
    "DD_IAST_": "application security is not here",
    "DD_API_SECURITY_": "application security is not here",
    "DD_CIVISIBILITY_": "CI Visibility is not here",
    "DD_TEST_": "CI Visibility is not here",
    "DD_LLMOBS_": "LLM Observability is not here",
    "DD_DATA_STREAMS_": "Data Streams Monitoring is not here",
    "DD_DYNAMIC_INSTRUMENTATION_": "dynamic instrumentation is not here",
    "DD_EXCEPTION_REPLAY_": "exception replay is not here",
    "DD_EXCEPTION_DEBUGGING_": "exception replay is not here",
    "DD_CODE_ORIGIN_": "code origins are not here",
    "DD_SYMBOL_DATABASE_": "dynamic instrumentation is not here",
    "DD_REMOTE_CONFIG": "remote configuration is not here: variables are read once, at start",
    "DD_INSTRUMENTATION_TELEMETRY_": "no telemetry about this tracer is sent to Datadog",
    "DD_CRASHTRACKING_": "crash tracking is not here",
    "DD_PATCH_MODULES": "DD_TRACE_<NAME>_ENABLED stands for it, or OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "DD_TRACE_OTEL_ENABLED": "OpenTelemetry's API is always on here",
    "DD_TRACE_API_VERSION": "v0.4 is always used, which every Agent understands",
    "DD_TRACE_WRITER_": "the writer has settings of its own: docs/configuration.md",
    "DD_TRACE_SAFE_INSTRUMENTATION_ENABLED": "always so here",
    "DD_TRACE_METHODS": "not here: use OpenTelemetry's `start_as_current_span` as a decorator",
    "DD_AGENTLESS": "spans are sent to an Agent only",
    "DD_API_KEY": "the Agent's own: it is not needed here",
    "DD_SITE": "the Agent's own: it is not needed here",
    "DD_LOG_LEVEL": "the Agent's own",
    "DD_APM_": "the Agent's own",
}


def elsewhere(name: str) -> str:
    """What is said of a variable that means something to ddtrace or to the Agent; "" for any other."""
    fitting = [beginning for beginning in _NOT_HERE if name.startswith(beginning)]
    return _NOT_HERE[max(fitting, key=len)] if fitting else ""
