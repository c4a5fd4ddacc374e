"""Variables that ddtrace or the Agent reads and this distro does not: what stands for each, or that nothing does.

Source: ddtrace 4.16, its registry of supported configurations, and where its code reads each of them. Most are told by
a pattern: a whole product of Datadog's, or a library.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

REPLACED = "something else stands for it"
ABSENT = "no counterpart"
UNREAD = "ddtrace 4.16 does not read it in applications"
AGENTS = "the Agent's own"

_UNCOVERED = (
    "ALGOLIASEARCH|ANTHROPIC|ANYIO|AREDIS|AVRO|AWS_DURABLE_EXECUTION_SDK_PYTHON|AWS_LAMBDA|AZURE_COSMOS"
    "|AZURE_DURABLE_FUNCTIONS|AZURE_EVENTHUBS|AZURE_FUNCTIONS|AZURE_SERVICEBUS|CHERRYPY|CLAUDE_AGENT_SDK|CONSUL|CREWAI"
    "|DBAPI2|DOGPILE_CACHE|GENAI|GOOGLE_ADK|GOOGLE_CLOUD_PUBSUB|GOOGLE_GENAI|GRAPHQL|LANGCHAIN|LANGGRAPH|LITELLM"
    "|LLAMA_INDEX|LOGBOOK|MARIADB|MCP|MISTRALAI|ML_JOB|MLFLOW|OPENAI|OPENAI_AGENTS|PROTOBUF|PYDANTIC_AI|PYNAMODB|PYODBC"
    "|PYTORCH|RAY|SANIC|SNOWFLAKE|SUBPROCESS|TRAINING_STEP|TRIO|VERTEXAI|VLLM|YAAREDIS"
)
"""The libraries that ddtrace covers and no instrumentor of ours does, as its variables name them."""


class Family(NamedTuple):
    """Variables of which the same is to be said."""

    state: str
    said: str
    pattern: str
    """A regular expression of their names, as a whole."""


# fmt: off
ELSEWHERE: tuple[Family, ...] = (
    # Products
    Family(ABSENT, "the profiler is not here: run ddtrace's beside, or none",
        "_?DD_PROFILING_.+"),
    Family(ABSENT, "application security is not here",
        "_?DD_(APPSEC|API_SECURITY|IAST|AI_GUARD|USER_MODEL)_.+|DD_DJANGO_INCLUDE_USER_(EMAIL|LOGIN|REALNAME)"
        "|DD_FASTAPI_ASYNC_BODY_TIMEOUT_SECONDS"),
    Family(ABSENT, "CI Visibility is not here",
        "_?DD_(CIVISIBILITY|TEST|PYTEST|UNITTEST|COVERAGE|CODE_COVERAGE|SELENIUM|CUSTOM)_.+|_DD_USE_INTERNAL_COVERAGE"
        "|DD_TRACE_(COVERAGE|PYTEST|PYTEST_BDD|SELENIUM|TEST_VISIBILITY|UNITTEST)_ENABLED|DD_SUBDOMAIN"
        "|DD_GIT_(BRANCH|TAG|COMMIT_.+|PULL_REQUEST_.+)|DD_(ACTION|PIPELINE)_EXECUTION_ID"),
    Family(ABSENT, "LLM Observability is not here",
        "_?DD_LLMOBS_.+|DD_MODEL_LAB(_ENABLED)?"),
    Family(ABSENT, "Data Streams Monitoring is not here",
        "DD_DATA_STREAMS_.+"),
    Family(ABSENT, "dynamic instrumentation is not here",
        "_?DD_(DYNAMIC_INSTRUMENTATION|SYMBOL_DATABASE|LIVE_DEBUGGING|DEBUGGER_EXPL|BYTECODE_INJECTION"
        "|THIRD_PARTY_DETECTION)_.+"),
    Family(ABSENT, "exception replay is not here",
        "DD_EXCEPTION_(REPLAY|DEBUGGING)_.+"),
    Family(ABSENT, "code origins are not here",
        "_?DD_CODE_ORIGIN_.+"),
    Family(REPLACED, "exceptions that are caught are told by `span.record_exception(error)`",
        "DD_ERROR_TRACKING_.+"),
    Family(ABSENT, "feature flags are not here",
        "DD_(FEATURE_FLAGS|FFE|FLAGGING|EXPERIMENTAL_FLAGGING)_.+|DD_PROXY_HTTPS"),
    Family(ABSENT, "remote configuration is not here: variables are read once, at start",
        "_?DD_REMOTE_?CONFIG.*|_DD_CONFIG_ENDPOINT.*"),
    Family(REPLACED, "variables alone are read here, no configuration files of the host",
        "_DD_SC_.+"),
    Family(ABSENT, "no telemetry about this tracer is sent to Datadog",
        "_?DD_(INSTRUMENTATION_TELEMETRY|TELEMETRY|INTERNAL_TELEMETRY)_.+|DD_INSTRUMENTATION_(CONFIG_ID|INSTALL_.+)"
        "|_DD_(ROOT|PARENT)_PY_SESSION_ID"),
    Family(ABSENT, "crash tracking is not here",
        "_?DD_CRASHTRACKING_.+"),
    Family(ABSENT, "single-step instrumentation by the host is not here",
        "DD_INJECT_FORCE|DD_INJECTION_ENABLED|_DD_PY_SSI_INJECT"),
    Family(ABSENT, "extensions for AWS Lambda are not here",
        "DD_LAMBDA_HANDLER|DD_APM_FLUSH_DEADLINE_MILLISECONDS|DD_DURABLE_CROSS_INVOCATION_TRACING_ENABLED"),
    # The Agent
    Family(ABSENT, "spans are sent to an Agent only",
        "DD_AGENTLESS.*|_DD_APM_TRACING_AGENTLESS_ENABLED"),
    Family(AGENTS, "the Agent's own: it is not needed here",
        "DD_API_KEY|DD_APP_KEY|DD_APPLICATION_KEY|DD_SITE"),
    Family(REPLACED, "DD_TRACE_ENABLED=false sends no traces; what ddtrace sends apart from them is not here",
        "DD_APM_TRACING_ENABLED"),
    Family(AGENTS, "the Agent's own",
        "DD_LOG_LEVEL|DD_APM_.+"),
    Family(REPLACED, "DD_AGENT_HOST stands for it",
        "DATADOG_TRACE_AGENT_HOSTNAME|DD_TRACE_AGENT_HOST"),
    Family(REPLACED, "v0.4 is always used, which every Agent understands",
        "DD_TRACE_API_VERSION|DD_TRACE_AGENT_PROTOCOL_VERSION"),
    Family(REPLACED, "always so here: the connection to the Agent is kept",
        "DD_TRACE_WRITER_REUSE_CONNECTIONS"),
    Family(REPLACED, "`otel_dd_distro.counters()` tells how many spans were sent and dropped",
        "DD_TRACE_HEALTH_METRICS_ENABLED"),
    Family(ABSENT, "not here: it is for the development of ddtrace",
        "_DD_TRACE_WRITER_LOG_ERROR_PAYLOADS|_DD_TRACE_STATS_.+|_DD_TRACE_METRICS_OTEL_FLUSH_INTERVAL"
        "|_DD_NATIVE_LOGGING_.+|_DD_GLOBAL_TRACER_INIT"),
    # Which libraries
    Family(REPLACED, "DD_TRACE_<NAME>_ENABLED stands for it, or OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
        "DD_PATCH_MODULES"),
    Family(REPLACED, "always so here: a version that is not supported is left alone",
        "DD_TRACE_SAFE_INSTRUMENTATION_ENABLED"),
    Family(REPLACED, "not needed: no module is unloaded here",
        "DD_UNLOAD_MODULES_FROM_SITECUSTOMIZE"),
    # Tags and services
    Family(REPLACED, "DD_TAGS stands for it",
        "DATADOG_TAGS"),
    Family(REPLACED, "DD_DJANGO_DATABASE_SERVICE stands for it",
        "DD_DJANGO-DATABASE_SERVICE(_NAME)?"),
    Family(REPLACED, "DD_GRPC_SERVICE names the service of clients, as with ddtrace",
        "DD_GRPC_CLIENT_SERVICE(_NAME)?"),
    Family(UNREAD, "its instrumentor makes no spans: there is no service to name",
        "DD_(ASYNCIO|FUTURES|GEVENT|LOGGING|LOGURU|STRUCTLOG|LOGBOOK|DDTRACE_API)_SERVICE(_NAME)?"),
    Family(REPLACED, "DD_TRACE_GRPC_ENABLED switches clients and servers, as with ddtrace",
        "DD_TRACE_GRPC_(SERVER|CLIENT|AIO_SERVER|AIO_CLIENT)_ENABLED"),
    Family(REPLACED, "DD_TRACE_SQLITE3_ENABLED stands for it, as with ddtrace",
        "DD_TRACE_SQLITE_ENABLED"),
    Family(REPLACED, "DD_TRACE_RQ_ENABLED switches both sides, as with ddtrace",
        "DD_TRACE_RQ_WORKER_ENABLED"),
    Family(REPLACED, "DD_TRACE_AIOHTTP_ENABLED switches both sides, as with ddtrace",
        "DD_TRACE_AIOHTTP_CLIENT_ENABLED"),
    Family(REPLACED, "an application of no framework is traced by a line of its own code",
        "DD_TRACE_(ASGI|WSGI|DBAPI2)_ENABLED"),
    # Spans
    Family(REPLACED, "OpenTelemetry's `start_as_current_span` as a decorator stands for it",
        "DD_TRACE_METHODS|DD_TRACE_WRAP_SPAN_NAME_INCLUDE_CLASS"),
    Family(ABSENT, "not here: no span is made for the proxy before the application",
        "DD_TRACE_INFERRED_(PROXY_SERVICES|SPANS)_ENABLED"),
    Family(ABSENT, "not here: a WebSocket has one span, for its handshake",
        "DD_TRACE_WEBSOCKET_.+|DD_ASGI_TRACE_WEBSOCKET"),
    Family(ABSENT, "not here: bodies of requests to AWS are not recorded",
        "DD_TRACE_CLOUD_.+"),
    Family(ABSENT, "not here: the region and the names that ddtrace tells by default are always told",
        "DD_AWS_TAG_NO_PARAMS"),
    Family(ABSENT, "not here: a span is sent when it has ended",
        "DD_TRACE_EXPERIMENTAL_LONG_RUNNING_.+"),
    Family(ABSENT, "not here: runtime metrics are distributions, as ddtrace sends them by default",
        "DD_TRACE_EXPERIMENTAL_FEATURES_ENABLED"),
    Family(REPLACED, "always so here where the Agent understands span events; else they are JSON in a tag",
        "DD_TRACE_NATIVE_SPAN_EVENTS"),
    Family(REPLACED, "a stack is cut to its last 25,000 characters, not by its frames",
        "DD_TRACE_SPAN_TRACEBACK_MAX_SIZE"),
    Family(REPLACED, "always so here: values of filters are `?`",
        "DD_TRACE_MONGODB_OBFUSCATION"),
    Family(REPLACED, "DD_REDIS_CMD_MAX_LENGTH stands for it: Redis, its clusters and Valkey have one limit",
        "DD_(AREDIS|REDISCLUSTER|VALKEY|YAAREDIS)_CMD_MAX_LENGTH"),
    Family(ABSENT, "not here: a poll that brings nothing has no span",
        "DD_KAFKA_EMPTY_POLL_ENABLED"),
    Family(REPLACED, "DD_DJANGO_INSTRUMENT_DATABASES stands for it",
        "DD_DJANGO_ALWAYS_CREATE_DATABASE_SPANS"),
    Family(ABSENT, "not here: DD_DJANGO_USE_HANDLER_RESOURCE_FORMAT is the nearest",
        "DD_DJANGO_USE_HANDLER_WITH_URL_NAME_RESOURCE_FORMAT"),
    Family(ABSENT, "not here: the resource of what is not found is the one that ddtrace gives it by default",
        "DD_ASGI_OBFUSCATE_404_RESOURCE"),
    Family(ABSENT, "not here: `http.endpoint` is told of requests without a route alone",
        "DD_TRACE_RESOURCE_RENAMING_ALWAYS_SIMPLIFIED_ENDPOINT"),
    Family(ABSENT, "not needed: it works around a leak of ddtrace",
        "DD_AIOHTTP_CLIENT_DISABLE_STREAM_TIMING_FOR_MEM_LEAK"),
    Family(UNREAD, "nothing reads it: DD_DBM_PROPAGATION_MODE alone decides what statements are told",
        "DD_DBM_INJECT_SQL_BASEHASH"),
    Family(REPLACED, "`baggage` in DD_TRACE_PROPAGATION_STYLE stands for it, which is there by default",
        "DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED"),
    Family(ABSENT, "not here: stats have limits of their own, which are fixed",
        "DD_TRACE_STATS_(.+_)?CARDINALITY_LIMIT"),
    Family(ABSENT, "not here: stats are sent to the Agent, not by OTLP",
        "OTEL_TRACES_SPAN_METRICS_ENABLED"),
    Family(REPLACED, "OTEL_DD_OTLP_DATADOG_NAMES decides which names spans have that go to OTLP",
        "DD_TRACE_OTEL_SEMANTICS_ENABLED"),
    Family(ABSENT, "not here: it is for Datadog's profiler of the whole host",
        "DD_TRACE_OTEL_CTX_ENABLED"),
    # Logs and metrics
    Family(REPLACED, "OTEL_LOGS_EXPORTER=otlp stands for it",
        "DD_LOGS_OTEL_ENABLED"),
    Family(REPLACED, "OTEL_METRICS_EXPORTER=otlp stands for it",
        "DD_METRICS_OTEL_ENABLED"),
    Family(REPLACED, "DD_LOGS_INJECTION stands for it",
        "DD_TRACE_LOGS_INJECTION"),
    Family(REPLACED, "a trace id of more than 64 bits is always logged whole, as with ddtrace",
        "DD_TRACE_128_BIT_TRACEID_LOGGING_ENABLED"),
    Family(REPLACED, "the level and the handlers of the loggers `otel_dd_distro` and `otel_instrumentors` stand for it",
        "DD_TRACE_LOG_(FILE|FILE_LEVEL|FILE_SIZE_BYTES|LEVEL|STREAM_HANDLER)"),
    Family(REPLACED, "what may be said often is said at most once a minute",
        "DD_TRACE_LOGGING_RATE"),
    Family(REPLACED, "runtime metrics are sent every ten seconds, as ddtrace sends them",
        "DD_RUNTIME_METRICS_INTERVAL"),
    Family(REPLACED, "DD_RUNTIME_METRICS_ENABLED=false sends none",
        "DD_DOGSTATSD_DISABLE"),
    Family(ABSENT, "not here: metrics say nothing of the container that they come from",
        "DD_ENTITY_ID|DD_ORIGIN_DETECTION_ENABLED|DD_CARDINALITY"),
    Family(UNREAD, "ddtrace's registry has it, nothing reads it: OTEL_EXPORTER_OTLP_... is meant",
        "OTEL_OTLP_(HEADERS|PROTOCOL|TIMEOUT)"),
    # ddtrace's development
    Family(UNREAD, "it is for building and testing ddtrace",
        "DD_(COMPILE|CARGO|CMAKE|SETUP|DOWNLOAD|FOO|MYINT)_.+|DD_(CC|CXX)_OLD|DD_CYTHONIZE|DD_FAST_BUILD|DD_SCCACHE_PATH"
        "|DD_USE_SCCACHE|DD_SERVERLESS_BUILD|DD_DISABLE_VPA|DD_VPA_TEMPLATE|DD_CLOUDPROVIDER|DD_DATACENTER|DD_PARTITION"
        "|DD_SNAPSHOT_ENABLED|DD_TESTING_RAISE|DD_PROFILE_TEST_GEVENT"),
    # Libraries
    Family(ABSENT, "no instrumentor here covers this library; one of OpenTelemetry's is loaded if it is installed",
        f"_?DD_(TRACE_)?({_UNCOVERED})_.+"),
)
"""Where several patterns fit a name, the first counts."""
# fmt: on


@functools.cache
def elsewhere(name: str) -> Family | None:
    """What is said of a variable that means something to ddtrace or to the Agent; None for any other."""
    return next((family for family in ELSEWHERE if re.fullmatch(family.pattern, name)), None)
