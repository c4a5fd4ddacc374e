"""The table of all variables: their names, how each is read, its default and what it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .parsers.addresses import host, port, repository, statsd_url, url
from .parsers.lists import (
    STYLES,
    exporters,
    header_tags,
    headers,
    items,
    names,
    pairs,
    resource_attributes,
    stats_tags,
    statuses,
    styles,
)
from .parsers.numbers import MOST_BYTES, duration, per_second, rate, seconds, whole
from .parsers.rules import span_rules, span_rules_file, trace_rules
from .parsers.words import (
    fixed,
    flag,
    header,
    header_name,
    level,
    logs_injection,
    one_of,
    short_text,
    table_keys,
    verbatim,
)
from .record import OFF_BY_DEFAULT

UNNAMED_SERVICE = "unnamed-python-service"
DOGSTATSD_SOCKET = "/var/run/datadog/dsd.socket"
DOGSTATSD_PORT = 8125
AGENT_SOCKET = "/var/run/datadog/apm.socket"
DEFAULT_PORT = 8126

FIXED = "fixed"
"""The field of variables that are read only to say that nothing else than their default is here."""
_DEFAULT_STYLES = ("datadog", "tracecontext", "baggage")
_NOT_MINIMAL = "the contrary of DD_DJANGO_TRACING_MINIMAL"


class Variable(NamedTuple):
    """A row: names in order of precedence (the first that is set hides the others), how it is read, what for."""

    field: str
    """Of Settings."""
    names: tuple[str, ...]
    parse: Callable[[str], Any]
    default: Any
    meaning: str
    shown: str = ""
    """The default in words, where its value does not say it."""
    empty: bool = False
    """Whether an empty value is a value; else it counts as unset."""
    joined: bool = False
    """Whether the field is made from this row and others, in `combined`."""


class PerInstrumentor(NamedTuple):
    """A family of variables with the name of an instrumentor, upper case, in the middle."""

    field: str
    prefix: str
    suffix: str
    parse: Callable[[str], Any]
    meaning: str
    others: tuple[str, ...] = ()
    """Other suffixes that ddtrace reads, each where those before it are not set."""
    default: None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        return (self.suffix, *self.others)

    def instrumentor(self, variable: str, suffix: str) -> str:
        """The name in the middle of a variable, in lower case; "" where it is no variable of this family."""
        if not (variable.startswith(self.prefix) and variable.endswith(suffix)):
            return ""
        return variable[len(self.prefix) : -len(suffix)].lower()


# fmt: off
VARIABLES: tuple[Variable, ...] = (
    # Unified service tagging
    Variable("service", ("DD_SERVICE", "OTEL_SERVICE_NAME"), short_text, "",
        "Service. Else `service` of DD_TAGS, `service.name` of OTEL_RESOURCE_ATTRIBUTES.",
        f"inferred from the command line, else `{UNNAMED_SERVICE}`", joined=True),
    Variable("env", ("DD_ENV",), short_text, "",
        "Environment. Else `env` of DD_TAGS, `deployment.environment.name` or `deployment.environment` of "
        "OTEL_RESOURCE_ATTRIBUTES.", joined=True),
    Variable("version", ("DD_VERSION",), short_text, "",
        "Version of the service. Else `version` of DD_TAGS, `service.version` of OTEL_RESOURCE_ATTRIBUTES.",
        joined=True),
    Variable("tags", ("DD_TAGS",), pairs, {},
        "Tags for every span: `key:value,key:value`, or blanks instead of commas. Else OTEL_RESOURCE_ATTRIBUTES.",
        joined=True),
    Variable("resource_attributes", ("OTEL_RESOURCE_ATTRIBUTES",), resource_attributes, {},
        "Resource attributes, `key=value,key=value`; tags for every span too, unless DD_TAGS is set."),
    Variable("hostname", ("DD_HOSTNAME",), short_text, "",
        "Name of this host, for DD_TRACE_REPORT_HOSTNAME.", "the system's"),
    Variable("report_hostname", ("DD_TRACE_REPORT_HOSTNAME",), flag, False,
        "Write the host name on each trace (`_dd.hostname`)."),
    Variable("service_mapping", ("DD_SERVICE_MAPPING",), pairs, {},
        "Renames services: `from:to,from:to`."),
    Variable("remove_integration_service_names", ("DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED",), flag, False,
        "Spans of libraries bear the service of the application."),
    Variable("span_attribute_schema", ("DD_TRACE_SPAN_ATTRIBUTE_SCHEMA",), one_of(("v0", "v1")), "v0",
        "Names of operations: `v0` says `flask.request`, `v1` `http.server.request`. With `v1` spans of libraries bear "
        "the service of the application, and DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED is on."),
    Variable("peer_service_defaults", ("DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED",), flag, False,
        "Say whom a call went to (`peer.service`) where the span does not: by its database, its RPC service or its "
        "host."),
    Variable("peer_service_mapping", ("DD_TRACE_PEER_SERVICE_MAPPING",), pairs, {},
        "Renames peer services: `from:to,from:to`."),
    Variable("process_tags", ("DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED",), flag, True,
        "Say on each trace how this process was started (`_dd.tags.process`)."),
    Variable("git_repository_url", ("DD_TRACE_GIT_METADATA_ENABLED",), flag, True,
        "`false`: none of the three below is written.", joined=True),
    Variable("git_repository_url", ("DD_GIT_REPOSITORY_URL",), repository, "",
        "Where the source is, for source code integration; without credentials. Else `git.repository_url` of DD_TAGS.",
        joined=True),
    Variable("git_commit_sha", ("DD_GIT_COMMIT_SHA",), short_text, "",
        "Which commit runs. Else `git.commit.sha` of DD_TAGS.", joined=True),
    Variable("main_package", ("DD_MAIN_PACKAGE",), short_text, "",
        "The Python package that is run.", joined=True),
    # Switches
    Variable("enabled", ("DD_TRACE_ENABLED",), flag, None,
        "`false`: nothing is traced, exported or injected. Else `none` in OTEL_TRACES_EXPORTER says so.", "true",
        joined=True),
    Variable("enabled", ("DD_TRACE_OTEL_ENABLED",), flag, None,
        "`false`: nothing is traced, exported or injected, whatever DD_TRACE_ENABLED says: all spans are "
        "OpenTelemetry's. Else `true` in OTEL_SDK_DISABLED says so.", "true", joined=True),
    Variable("enabled", ("OTEL_SDK_DISABLED",), flag, False,
        "`true`: as `false` in DD_TRACE_OTEL_ENABLED, where that is not set.", joined=True),
    Variable("exporters", ("OTEL_TRACES_EXPORTER",), exporters, ("datadog",),
        "Trace exporters: `datadog`, `otlp`, `console`, any other by the name of its entry point, or several. "
        "`none` means DD_TRACE_ENABLED=false unless that is set."),
    Variable("otlp_protocol", ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
        one_of(("http/protobuf", "grpc")), "http/protobuf",
        "How the exporter `otlp` talks: `http/protobuf` or `grpc`. Its other variables are OpenTelemetry's own."),
    Variable("debug", ("DD_TRACE_DEBUG",), flag, None,
        "Log what we do at level debug, and what DD_TRACE_STARTUP_LOGS does. Else `debug` in OTEL_LOG_LEVEL says so.",
        "false", joined=True),
    Variable("debug", ("OTEL_LOG_LEVEL",), level, "info",
        "`debug`: as DD_TRACE_DEBUG, where that is not set. Other levels change nothing: that is logging's to say.",
        joined=True),
    Variable("startup_logs", ("DD_TRACE_STARTUP_LOGS",), flag, False,
        "Log one line of JSON at level info when the process starts: the settings in use, secrets masked, which "
        "instrumentors are at work so far, and `agent_error` if the Agent does not answer within a second."),
    Variable("logs_injection", ("DD_LOGS_INJECTION",), logs_injection, True,
        "Put `dd.trace_id`, `dd.span_id`, `dd.service`, `dd.env` and `dd.version` on each log record of logging, "
        "structlog and loguru; `false`: leave records alone."),
    Variable("runtime_metrics", ("DD_RUNTIME_METRICS_ENABLED",), flag, False,
        "Send metrics of the Python runtime to DogStatsD: `runtime.python.*`, of memory, CPU, garbage collection and "
        "threads."),
    Variable("runtime_metrics_runtime_id", ("DD_TRACE_EXPERIMENTAL_RUNTIME_ID_ENABLED",
        "DD_RUNTIME_METRICS_RUNTIME_ID_ENABLED"), flag, False,
        "Tag them with the runtime id of the process."),
    Variable("dogstatsd_url", ("DD_DOGSTATSD_URL",), statsd_url, "",
        "Where DogStatsD listens: `udp://host:port` or `unix:///path`. Else DD_DOGSTATSD_HOST (or DD_AGENT_HOST) and "
        "DD_DOGSTATSD_PORT, else `unix:///var/run/datadog/dsd.socket` if it is there, else `udp://localhost:8125`.",
        joined=True),
    Variable("dogstatsd_url", ("DD_DOGSTATSD_HOST",), host, "", "Its host.", joined=True),
    Variable("dogstatsd_url", ("DD_DOGSTATSD_PORT",), port, None, "Its port.", joined=True),
    Variable("trace_ids_128_bit", ("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED",), flag, True,
        "`false`: new trace ids have 64 bits."),
    Variable("light_tracer", ("OTEL_DD_LIGHT_TRACER",), flag, True,
        "`false`: the plain tracer of the OpenTelemetry SDK, for the same traces at a higher cost."),
    Variable("disabled_instrumentors", ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",), names, frozenset(),
        "Instrumentors that are not loaded, `*` for all."),
    # Agent and writer
    Variable("agent_url", ("DD_TRACE_AGENT_URL",), url, "",
        "Address of the Agent: `http`, `https` or `unix`, or `host:port` alone. A path is a prefix of the Agent's own.",
        f"DD_AGENT_HOST and DD_TRACE_AGENT_PORT, else `unix://{AGENT_SOCKET}` if it is there, else "
        f"`http://localhost:{DEFAULT_PORT}`", joined=True),
    Variable("agent_url", ("DD_AGENT_HOST", "DD_TRACE_AGENT_HOSTNAME"), host, "",
        "Host of the Agent.", "localhost", joined=True),
    Variable("agent_url", ("DD_TRACE_AGENT_PORT", "DD_AGENT_PORT"), port, None,
        "Port of the Agent.", str(DEFAULT_PORT), joined=True),
    Variable("agent_timeout_seconds", ("DD_TRACE_AGENT_TIMEOUT_SECONDS",), seconds(), 2.0,
        "Longest wait for the Agent, per request."),
    Variable("writer_buffer_bytes", ("DD_TRACE_WRITER_BUFFER_SIZE_BYTES",), whole(1, MOST_BYTES), 20 * 1024 * 1024,
        "Most bytes of finished spans that wait to be sent; when full, new ones are dropped and counted."),
    Variable("writer_payload_bytes", ("DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES",), whole(1, MOST_BYTES),
        20 * 1024 * 1024, "Most bytes of one request to the Agent."),
    Variable("writer_interval_seconds", ("DD_TRACE_WRITER_INTERVAL_SECONDS",), seconds(), 1.0,
        "How often finished spans are sent."),
    Variable("writer_headers", ("_DD_TRACE_WRITER_ADDITIONAL_HEADERS",), headers, {},
        "More headers for the Agent, `name:value,name:value`; for tests."),
    Variable("external_env", ("DD_EXTERNAL_ENV",), header, "",
        "Which container this is; set by the Datadog admission controller."),
    Variable("shutdown_timeout_seconds", ("OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS",), seconds(0), 2.0,
        "Longest wait at exit for the last spans to be sent."),
    Variable("partial_flush_enabled", ("DD_TRACE_PARTIAL_FLUSH_ENABLED",), flag, True,
        "Send finished spans of a long trace before it ends."),
    Variable("partial_flush_min_spans", ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS",), whole(1, 1_000_000, clamp=True), 300,
        "How many finished spans make a part."),
    Variable("stats_enabled", ("DD_TRACE_STATS_COMPUTATION_ENABLED", "DD_TRACE_COMPUTE_STATS"), flag, False,
        "Count hits, errors and durations here, if the Agent lets us, and do not send what is not sampled. Else the "
        "Agent counts: all spans are sent to it."),
    Variable("stats_additional_tags", ("DD_TRACE_STATS_ADDITIONAL_TAGS",), stats_tags, (),
        "Up to four tags that these counts are kept by as well: `region,tier`."),
    # Sampling
    Variable("sampling_rules", ("DD_TRACE_SAMPLING_RULES",), trace_rules, (),
        "JSON array of rules. A trace is kept at the `sample_rate` (0 to 1) of the first whose `service`, `name`, "
        "`resource` and `tags` (all optional; `*` and `?` are wildcards, case makes no difference) fit its local root "
        "when the decision is needed: when headers are first written, or the trace is sent.", joined=True),
    Variable("sampling_rules", ("DD_TRACE_SAMPLE_RATE",), rate, None,
        "Rate of the traces that no rule fits, 0 to 1: a last rule for all. Else OTEL_TRACES_SAMPLER is. (ddtrace 4 "
        "has this variable still, and does not read it; its other versions, Datadog's other tracers and we do.)",
        "the Agent's rates", joined=True),
    Variable("sampler", ("OTEL_TRACES_SAMPLER",), short_text, "",
        "Twin of the two above, where neither is set: `parentbased_always_on`, `parentbased_always_off` and "
        "`parentbased_traceidratio` (or without `parentbased_`, which means the same here) are a rule for all traces. "
        "Any other name is a sampler of OpenTelemetry's SDK, which then decides what is recorded at all.", joined=True),
    Variable("sampler", ("OTEL_TRACES_SAMPLER_ARG",), verbatim, "",
        "Rate of `traceidratio`, 0 to 1.", "1", joined=True),
    Variable("rate_limit", ("DD_TRACE_RATE_LIMIT",), whole(-(2**31), 2**31), 100,
        "Most traces a second that rules keep, in this process; 0 for none, negative for any number."),
    Variable("span_sampling_rules", ("DD_SPAN_SAMPLING_RULES",), span_rules, None,
        "JSON array of rules for single spans that are kept though their trace is not: `service` and `name` (at least "
        "one), `sample_rate` (1), `max_per_second` (any number).", joined=True),
    Variable("span_sampling_rules", ("DD_SPAN_SAMPLING_RULES_FILE",), span_rules_file, (),
        "File with such rules, read where DD_SPAN_SAMPLING_RULES is not set.", joined=True),
    Variable("explain_sampling", ("OTEL_DD_EXPLAIN_SAMPLING",), flag, False,
        "Say on each local root why its trace is kept or dropped: the tag `otel_dd.sampling`, the sentence that "
        "`otel_dd_distro.explain()` gives."),
    Variable("keep_slower_than_seconds", ("OTEL_DD_KEEP_SLOWER_THAN",), duration, None,
        "Keep a trace whose local root took this long or longer though it was to be dropped: `500ms`, `2s`, a number "
        "alone is seconds. Not if another service was told, or told us, that it is dropped. Its root says so: "
        "`otel_dd.kept_for`, `slow` or `error`."),
    Variable("keep_errors", ("OTEL_DD_KEEP_ERRORS",), flag, False,
        "Likewise keep a trace of which a span is in error."),
    Variable("keep_limit", ("OTEL_DD_KEEP_LIMIT",), per_second, 10.0,
        "Most traces a second that the two above keep, in this process; 0 for none, negative for any number."),
    # Propagation
    Variable("extract_styles",
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "DD_TRACE_PROPAGATION_STYLE", "OTEL_PROPAGATORS"),
        styles, _DEFAULT_STYLES,
        "Headers that are read, in the order given, of " + ", ".join(f"`{style}`" for style in STYLES)
        + "; or `none`. The first that name a trace are believed."),
    Variable("inject_styles",
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", "DD_TRACE_PROPAGATION_STYLE", "OTEL_PROPAGATORS"),
        styles, _DEFAULT_STYLES,
        "Headers that are written."),
    Variable("extract_first", ("DD_TRACE_PROPAGATION_EXTRACT_FIRST",), flag, False,
        "Stop at the first style that finds a trace."),
    Variable("extract_behavior", ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT",),
        one_of(("continue", "restart", "ignore")), "continue",
        "`continue` the trace that was found, `restart` with a link to it, or `ignore` it."),
    Variable("tags_max_length", ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH",), whole(0, 65_536, clamp=True), 512,
        "Longest `x-datadog-tags` header that is written; 0 for none."),
    Variable("baggage_tag_keys", ("DD_TRACE_BAGGAGE_TAG_KEYS",), items, ("user.id", "account.id", "session.id"),
        "Baggage that becomes a tag `baggage.<key>` of the local root; `*` for all, empty for none.", empty=True),
    Variable("links_to_senders", ("DD_TRACE_PROPAGATION_AS_SPAN_LINKS",), names, frozenset(),
        "Messaging libraries (`kafka`, `celery`) whose spans of messages received are linked to those of the senders, "
        "in traces of their own, in place of being their children."),
    Variable("kafka_propagation", ("DD_KAFKA_PROPAGATION_ENABLED",), flag, False,
        "Whether Kafka's messages bear the context of their senders: the spans of receivers are in the senders' "
        "traces. As with ddtrace, headers of messages are neither added nor read unless this is on."),
    # Other exporters
    Variable("otlp_datadog_names", ("OTEL_DD_OTLP_DATADOG_NAMES",), flag, False,
        "Give the spans that go to OTLP (or any exporter but ours) the attributes `operation.name`, `resource.name`, "
        "`service.name` and `span.type`: a Datadog Agent that receives them shows the names it would get from us."),
    # Databases
    Variable("dbm_propagation_mode", ("DD_DBM_PROPAGATION_MODE",), one_of(("disabled", "service", "full")), "disabled",
        "Comment before SQL statements, for Database Monitoring: `service` tells who sends them, `full` also in which "
        "span. Drivers whose statements it could change (sqlite3) get none, nor do prepared ones in `full`."),
    Variable("psycopg_connect",
        ("DD_PSYCOPG_TRACE_CONNECT", "DD_PSYCOPG2_TRACE_CONNECT", "OTEL_INSTRUMENTATION_PSYCOPG_CONNECT"), flag, False,
        "A span for each connection that psycopg or psycopg2 makes."),
    Variable("mysqldb_connect", ("DD_MYSQLDB_TRACE_CONNECT", "OTEL_INSTRUMENTATION_MYSQLDB_CONNECT"), flag, False,
        "The same of mysqlclient."),
    Variable("psycopg_fetches", ("DD_PSYCOPG_TRACE_FETCH_METHODS", "DD_PSYCOPG2_TRACE_FETCH_METHODS",
        "OTEL_INSTRUMENTATION_PSYCOPG_FETCHES"), flag, False,
        "A span for each `fetchone()`, `fetchmany()` and `fetchall()` of a cursor of psycopg or psycopg2."),
    Variable("mysqldb_fetches", ("DD_MYSQLDB_TRACE_FETCH_METHODS", "OTEL_INSTRUMENTATION_MYSQLDB_FETCHES"), flag, False,
        "The same of mysqlclient."),
    Variable("mysql_connector_fetches",
        ("DD_MYSQL_TRACE_FETCH_METHODS", "OTEL_INSTRUMENTATION_MYSQL_CONNECTOR_FETCHES"), flag, False,
        "The same of MySQL Connector."),
    Variable("pymysql_fetches", ("DD_PYMYSQL_TRACE_FETCH_METHODS", "OTEL_INSTRUMENTATION_PYMYSQL_FETCHES"), flag, False,
        "The same of PyMySQL."),
    Variable("sqlite3_fetches", ("DD_SQLITE_TRACE_FETCH_METHODS", "OTEL_INSTRUMENTATION_SQLITE3_FETCHES"), flag, False,
        "The same of sqlite3."),
    # AWS
    Variable("aws_digests", ("DD_BOTOCORE_ADD_SPAN_POINTERS", "OTEL_INSTRUMENTATION_AWS_DIGESTS"), flag, True,
        "Say what a call to S3 or DynamoDB wrote, as a digest: links to whoever reads it (span pointers)."),
    Variable("aws_table_keys",
        ("DD_BOTOCORE_DYNAMODB_TABLE_PRIMARY_KEYS", "OTEL_INSTRUMENTATION_AWS_TABLE_KEYS"), table_keys, "",
        "The primary keys of DynamoDB's tables, for such digests of items that are put: `{\"table\": [\"name\"]}`."),
    Variable("aws_nested_context",
        ("DD_BOTOCORE_INVOKE_WITH_LEGACY_CONTEXT", "OTEL_INSTRUMENTATION_AWS_NESTED_CONTEXT"), flag, False,
        "The context for a Lambda function stands under one name (`_datadog`) in its client context."),
    Variable("botocore_parsing", ("DD_BOTOCORE_INSTRUMENT_INTERNALS", "OTEL_INSTRUMENTATION_BOTOCORE_PARSING"), flag,
        False, "A span for each response that botocore parses."),
    Variable(FIXED, ("DD_BOTOCORE_PROPAGATION_ENABLED",),
        fixed(False, "what is received is linked to all its senders, and no child of the first"), False,
        "`false`: what is received is linked to all its senders, and no child of the first.", joined=True),
    Variable(FIXED, ("DD_BOTOCORE_EMPTY_POLL_ENABLED",),
        fixed(True, "a call that brings no messages is a call, and has its span"), True,
        "`true`: a call that brings no messages has its span, too.", joined=True),
    Variable(FIXED, ("DD_BOTOCORE_BEDROCK_RESOLVE_INFERENCE_PROFILE",),
        fixed(False, "it is for LLM Observability, which is not here"), False,
        "`false`: it is for LLM Observability, which is not here.", joined=True),
    # Django
    Variable(FIXED, ("DD_DJANGO_TRACE_FETCH_METHODS",),
        fixed(False, "fetches are spans of the driver: its own variable switches them on"), False,
        "`false`: ddtrace reads it, and makes no such spans either. Those of the drivers are above.", joined=True),
    Variable("django_middleware", ("DD_DJANGO_INSTRUMENT_MIDDLEWARE", "OTEL_INSTRUMENTATION_DJANGO_MIDDLEWARE"), flag,
        True, "A span for each call of a middleware."),
    Variable("django_templates", ("DD_DJANGO_INSTRUMENT_TEMPLATES", "OTEL_INSTRUMENTATION_DJANGO_TEMPLATES"), flag,
        None, "A span for each of Django's templates that is rendered.", _NOT_MINIMAL),
    Variable("django_caches", ("DD_DJANGO_INSTRUMENT_CACHES", "OTEL_INSTRUMENTATION_DJANGO_CACHES"), flag,
        None, "A span for each operation on one of Django's caches.", _NOT_MINIMAL),
    Variable("django_databases", ("DD_DJANGO_INSTRUMENT_DATABASES", "OTEL_INSTRUMENTATION_DJANGO_DATABASES"), flag,
        None, "A span for each statement that Django sends with a driver that is not traced itself.", _NOT_MINIMAL),
    Variable("django_templates", ("DD_DJANGO_TRACING_MINIMAL",), flag, True,
        "False switches the three above on, where they are not set.", joined=True),
    Variable("django_database_prefix", ("DD_DJANGO_DATABASE_SERVICE_NAME_PREFIX",), short_text, "",
        "What stands before `<alias>db` in the service of such statements."),
    Variable("django_user_name", ("DD_DJANGO_INCLUDE_USER_NAME", "OTEL_INSTRUMENTATION_DJANGO_USER_NAME"), flag, True,
        "Say on requests by which name the user is logged in (`django.user.name`)."),
    Variable("django_resource", ("DD_DJANGO_USE_HANDLER_RESOURCE_FORMAT",), flag, False,
        "Name requests by their view instead of their route: `GET shop.views.item`.", joined=True),
    Variable("django_resource", ("DD_DJANGO_USE_LEGACY_RESOURCE_FORMAT",), flag, False,
        "Name requests by their view alone, without the method.", joined=True),
    Variable("redis_names_alone", ("DD_REDIS_RESOURCE_ONLY_COMMAND",), flag, True,
        "`false`: the resource of a Redis command is all of it, not its name alone."),
    Variable("valkey_names_alone", ("DD_VALKEY_RESOURCE_ONLY_COMMAND",), flag, True,
        "The same of a Valkey command."),
    Variable("redis_command_length", ("DD_REDIS_CMD_MAX_LENGTH", "OTEL_INSTRUMENTATION_REDIS_COMMAND_LENGTH"),
        whole(0, 25_000), 1_000,
        "Most characters of a Redis or Valkey command that are kept, blanks not counted."),
    Variable("memcached_keys", ("DD_TRACE_MEMCACHED_COMMAND_ENABLED", "OTEL_INSTRUMENTATION_MEMCACHED_KEYS"), flag,
        False, "Show the keys of memcached commands (`memcached.query`)."),
    # HTTP
    Variable("query_string_obfuscation", ("DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP",), verbatim, None,
        "What to replace by `<redacted>` in query strings; empty: nothing.", "built-in pattern for credentials",
        empty=True),
    Variable("server_query_string", ("DD_HTTP_SERVER_TAG_QUERY_STRING",), flag, True,
        "Keep the query string in `http.url` of requests received."),
    Variable("client_query_string", ("DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING",), flag, True,
        "Keep the query string in `http.url` of requests sent."),
    Variable("server_error_statuses", ("DD_TRACE_HTTP_SERVER_ERROR_STATUSES",), statuses, frozenset(range(500, 600)),
        "Statuses that make a request received an error: `500-599,404`.", "500-599"),
    Variable("header_tags", ("DD_TRACE_HEADER_TAGS",), header_tags, {},
        "Headers that become tags, of requests and responses: `header,header:tag`. Without a tag it is "
        "`http.request.headers.<header>` or `http.response.headers.<header>`."),
    Variable("client_ip", ("DD_TRACE_CLIENT_IP_ENABLED",), flag, False,
        "Say on requests received which address they came from (`http.client_ip`, `network.client.ip`)."),
    Variable("client_ip_header", ("DD_TRACE_CLIENT_IP_HEADER",), header_name, "",
        "The header that has the address.", "the first of `X-Forwarded-For`, `X-Real-IP` and their like"),
    Variable("resource_renaming", ("DD_TRACE_RESOURCE_RENAMING_ENABLED",), flag, False,
        "Say the simplified path (`http.endpoint`) of requests without a route."),
    Variable("server_request_headers", ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",), items, (),
        "Request headers, by name or regular expression, that HTTP servers put on spans; DD_TRACE_HEADER_TAGS and "
        "DD_TRACE_CLIENT_IP_ENABLED add to them."),
    Variable("server_response_headers", ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",), items, (),
        "Response headers that HTTP servers put on spans; DD_TRACE_HEADER_TAGS adds to them."),
    Variable("client_request_headers", ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST",), items, (),
        "Request headers that HTTP clients put on spans; DD_TRACE_HEADER_TAGS adds to them."),
    Variable("client_response_headers", ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE",), items, (),
        "Response headers that HTTP clients put on spans; DD_TRACE_HEADER_TAGS adds to them."),
)

PER_INSTRUMENTOR: tuple[PerInstrumentor, ...] = (
    PerInstrumentor("instrumentor_enabled", "DD_TRACE_", "_ENABLED", flag,
        "Whether it is loaded; wins over OTEL_PYTHON_DISABLED_INSTRUMENTATIONS. "
        f"Off unless this says so, or OpenTelemetry's own is installed: {', '.join(sorted(OFF_BY_DEFAULT))}."),
    PerInstrumentor("instrumentor_service", "DD_", "_SERVICE", short_text,
        "Service of its spans.", ("_SERVICE_NAME",)),
    PerInstrumentor("instrumentor_distributed_tracing", "DD_", "_DISTRIBUTED_TRACING", flag,
        "Whether it reads and writes propagation headers; `<NAME>_CLIENT`: whether it writes them.",
        ("_DISTRIBUTED_TRACING_ENABLED",)),
    PerInstrumentor("instrumentor_split_by_domain", "DD_", "_SPLIT_BY_DOMAIN", flag,
        "Whether the host called names the service."),
)
# fmt: on
