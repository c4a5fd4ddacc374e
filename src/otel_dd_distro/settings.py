"""Every DD_* and OTEL_* variable that we obey: read once, from any mapping, into one frozen record."""

from __future__ import annotations

import functools
import logging
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .sampling.rules import Rule, SpanRule

log = logging.getLogger("otel_dd_distro")

STYLES = ("datadog", "tracecontext", "b3", "b3multi", "baggage")
BEHAVIORS = ("continue", "restart", "ignore")
DBM_MODES = ("disabled", "service", "full")
UNNAMED_SERVICE = "unnamed-python-service"
AGENT_SOCKET = "/var/run/datadog/apm.socket"
DEFAULT_PORT = 8126

_UNSET: Any = object()
_LONGEST_NAME = 5_000
_LONGEST_WAIT = 86_400.0
_MOST_BYTES = 2**40
_MOST_SHOWN = 100
_MOST_STATS_TAGS = 4
_MOST_WORDS = 200
_LONGEST_RULES = 2**20
_OTHER_LEVELS = ("none", "off", "trace", "info", "warn", "warning", "error", "critical", "fatal")
_KNOWN_EXPORTERS = ("datadog", "otlp", "console", "none")

OFF_BY_DEFAULT = frozenset({"kombu"})
"""Instrumentors that are to be switched on by name: what they see, a layer above or below them is traced for."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment asks for. Made by `read`; the defaults stand in the table `VARIABLES` below."""

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

    dbm_propagation_mode: str
    """`disabled`, `service` or `full`."""
    redis_names_alone: bool
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

    def instruments(self, name: str) -> bool:
        """Whether the instrumentor of this entry point name is wanted: DD_TRACE_<NAME>_ENABLED, else the OTel list.

        Those of OFF_BY_DEFAULT are wanted only where the former says so.
        """
        wanted = self.instrumentor_enabled.get(name.lower().replace("-", "_"))
        if wanted is not None:
            return wanted
        return name not in OFF_BY_DEFAULT | self.disabled_instrumentors and "*" not in self.disabled_instrumentors

    def propagates(self, name: str) -> bool:
        """Whether the instrumentor of this entry point name reads and writes propagation headers."""
        return self.instrumentor_distributed_tracing.get(name.lower().replace("-", "_"), True)


class Unusable(ValueError):
    """A value that cannot be obeyed as it stands; `instead` is what can be saved of it."""

    def __init__(self, why: str, instead: Any = _UNSET) -> None:
        super().__init__(why)
        self.instead = instead


# --- parsers: text that is not blank (but see Variable.empty) -> value, or Unusable ---


def _text(text: str) -> str:
    if len(text) > _LONGEST_NAME:
        raise Unusable(f"longer than {_LONGEST_NAME} characters")
    return text


def _verbatim(text: str) -> str:
    return text


def _header(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise Unusable("an HTTP header cannot carry it")
    return _text(text)


def _flag(text: str) -> bool:
    word = text.lower()
    if word in ("true", "1"):
        return True
    if word in ("false", "0"):
        return False
    raise Unusable("neither true nor false", instead=False)


def _debug(text: str) -> bool:
    word = text.lower()
    return word == "debug" or (word not in _OTHER_LEVELS and _flag(word))


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def choice(text: str) -> str:
        if text.lower() not in choices:
            raise Unusable("not one of " + ", ".join(choices))
        return text.lower()

    return choice


def _whole(least: int, most: int, clamp: bool = False) -> Callable[[str], int]:
    def whole(text: str) -> int:
        # int() reads a hostile million digits in quadratic time before Python 3.11.
        if len(text) > 25:
            raise Unusable("too long for a number")
        try:
            number = int(text)
        except ValueError:
            raise Unusable("not a whole number") from None
        if number < least:
            raise Unusable(f"less than {least}", instead=least if clamp else _UNSET)
        if number > most:
            raise Unusable(f"more than {most}")
        return number

    return whole


def _seconds(least: float = 0.001) -> Callable[[str], float]:
    def seconds(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise Unusable("not a number") from None
        if not math.isfinite(number) or not least <= number <= _LONGEST_WAIT:
            raise Unusable(f"not between {least:g} and {_LONGEST_WAIT:g} seconds")
        return number

    return seconds


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise Unusable("not a number") from None
    if not math.isfinite(rate):
        raise Unusable("not a number")
    if not 0 <= rate <= 1:
        raise Unusable("not between 0 and 1", instead=min(max(rate, 0.0), 1.0))
    return rate


def _per_second(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Unusable("not a number") from None
    if not math.isfinite(number) or abs(number) > _MOST_BYTES:
        raise Unusable("not a number a second")
    return number


def _duration(text: str) -> float:
    """Seconds, of `500ms`, `2s` or a number of seconds alone."""
    words = text.lower()
    unit = 0.001 if words.endswith("ms") else 1.0
    return _seconds(0)(words.removesuffix("ms" if unit < 1 else "s").rstrip()) * unit


def _trace_rules(text: str) -> tuple[Rule, ...]:
    from .sampling.rules import trace_rules  # with what it needs: costs start-up, and is seldom needed

    return _usable(text, trace_rules)


def _span_rules(text: str) -> tuple[SpanRule, ...]:
    from .sampling.rules import span_rules

    return _usable(text, span_rules)


def _span_rules_file(path: str) -> tuple[SpanRule, ...]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LONGEST_RULES)
    except (OSError, ValueError) as error:
        raise Unusable(f"cannot be read: {type(error).__name__}") from None
    return _span_rules(text)


def _usable(text: str, rules_of: Callable[[str], tuple[tuple[Any, ...], list[str]]]) -> tuple[Any, ...]:
    try:
        rules, wrong = rules_of(text)
    except ValueError as error:
        raise Unusable(str(error)) from None
    if wrong:
        raise Unusable("; ".join(wrong)[:_MOST_WORDS], instead=rules)
    return rules


def _items(text: str) -> list[str]:
    return [item for part in text.split(",") if (item := part.strip())]


def _list(text: str) -> tuple[str, ...]:
    return tuple(_items(text))


def _names(text: str) -> frozenset[str]:
    return frozenset(_items(text))


def _exporters(text: str) -> tuple[str, ...]:
    # Other exporters are found by the name of their entry point, as it is written.
    names = [name.lower() if name.lower() in _KNOWN_EXPORTERS else name for name in _items(text)]
    if not names:
        raise Unusable("names nothing")
    return tuple(dict.fromkeys(name for name in names if name != "none"))


def _stats_tags(text: str) -> tuple[str, ...]:
    tags = sorted(set(_items(text)))
    usable = tuple(tag for tag in tags if ":" not in tag)
    if len(usable) < len(tags):
        raise Unusable("a tag cannot have a colon in its name", instead=usable[:_MOST_STATS_TAGS])
    if len(tags) > _MOST_STATS_TAGS:
        raise Unusable(f"more than {_MOST_STATS_TAGS} tags", instead=usable[:_MOST_STATS_TAGS])
    return usable


def _styles(text: str) -> tuple[str, ...]:
    asked = ["b3" if style == "b3 single header" else style for style in _items(text.lower())]
    styles = tuple(dict.fromkeys(style for style in asked if style in STYLES))
    unknown = [style for style in asked if style not in STYLES and style != "none"]
    if unknown or not asked:
        raise Unusable(f"unknown: {', '.join(unknown)[:_MOST_SHOWN]!r}", instead=styles if styles else _UNSET)
    return styles


def _pairs(text: str) -> dict[str, str]:
    """`key:value` joined by commas, or by blanks where there is no comma; a later pair wins."""
    pairs = {}
    for item in text.split("," if "," in text else " "):
        key, _, value = item.partition(":")
        if key := key.strip():
            pairs[key] = value.strip()
    return pairs


def _header_tags(text: str) -> dict[str, str]:
    return {name.lower(): tag for name, tag in _pairs(text).items()}


def _header_name(text: str) -> str:
    return _header(text).lower()


def _repository(text: str) -> str:
    """The URL of a repository without user and password; `git@host:path` has no secret, and stays."""
    scheme, found, rest = text.rpartition("://")
    authority, slash, path = rest.partition("/")
    userinfo, at, host = authority.rpartition("@")
    return f"{scheme}{found}{host}{slash}{path}" if at and (found or ":" in userinfo) else text


def _headers(text: str) -> dict[str, str]:
    headers = _pairs(text if "," in text else text + ",")
    usable = {key: value for key, value in headers.items() if value and (key + value).isascii()}
    usable = {key: value for key, value in usable.items() if (key + value).isprintable() and " " not in key}
    if len(usable) < len(headers):
        raise Unusable("an HTTP header cannot carry it", instead=usable)
    return usable


def _resource_attributes(text: str) -> dict[str, str]:
    attributes = {}
    for item in text.split(","):
        key, equals, value = item.partition("=")
        if not equals or "=" in value or not key.strip():
            raise Unusable("not a list of key=value")
        attributes[key.strip()] = value.strip()
    if "%" in text:
        from urllib.parse import unquote  # costs start-up, and is seldom needed

        attributes = {unquote(key): unquote(value) for key, value in attributes.items()}
    return attributes


def _statuses(text: str) -> frozenset[int]:
    statuses: set[int] = set()
    wrong = []
    for item in _items(text):
        first, _, last = item.partition("-")
        first, last = first.strip(), last.strip()
        if len(first) == 3 and first.isdecimal() and (not last or (len(last) == 3 and last.isdecimal())):
            ends = sorted((int(first), int(last or first)))
            statuses.update(range(ends[0], ends[1] + 1))
        else:
            wrong.append(item)
    if wrong:
        raise Unusable(f"not a status or a range: {', '.join(wrong)[:_MOST_SHOWN]!r}", instead=frozenset(statuses))
    return frozenset(statuses)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or not 0 < int(text) < 65536:
        raise Unusable("not a port")
    return int(text)


def _host(text: str) -> str:
    """A host name, an IPv4 address, or an IPv6 address with or without brackets; in brackets then."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if bare.count(":") >= 2 and all(sign in "0123456789abcdefABCDEF:." for sign in bare.partition("%")[0]):
        return f"[{bare}]"
    if not bare or bare != text or not bare.isprintable() or any(sign in bare for sign in ":/@?#[]\\ "):
        raise Unusable("not a host")
    return bare


def _url(text: str) -> str:
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    if not rest.isprintable() or " " in rest:
        raise Unusable("not a url")
    if scheme == "unix":
        if not rest.startswith("/"):
            raise Unusable("no path of a socket")
        return "unix://" + rest
    if scheme not in ("http", "https"):
        raise Unusable("neither http, https nor unix")
    authority, _, path = rest.partition("/")
    _, at, place = authority.rpartition("@")
    if "?" in rest or "#" in rest:
        raise Unusable("a query or fragment has no meaning here")
    # The colon of a port stands after the bracket of an IPv6 address.
    cut = place.rfind(":") if place.rfind(":") > place.rfind("]") else len(place)
    host, port = place[:cut], place[cut + 1 :]
    url = f"{scheme}://{_host(host)}" + (f":{_port(port)}" if port else "")
    url = f"{url}/{path}".rstrip("/")
    if at:
        raise Unusable("credentials are not sent", instead=url)
    return url


# --- the table ---


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
    """Whether `read` makes the field from this row and others."""


_DEFAULT_STYLES = ("datadog", "tracecontext", "baggage")

_NOT_MINIMAL = "the contrary of DD_DJANGO_TRACING_MINIMAL"

# fmt: off
VARIABLES: tuple[Variable, ...] = (
    # Unified service tagging
    Variable("service", ("DD_SERVICE", "OTEL_SERVICE_NAME"), _text, "",
        "Service. Else `service` of DD_TAGS, `service.name` of OTEL_RESOURCE_ATTRIBUTES.",
        f"inferred from the command line, else `{UNNAMED_SERVICE}`", joined=True),
    Variable("env", ("DD_ENV",), _text, "",
        "Environment. Else `env` of DD_TAGS, `deployment.environment.name` or `deployment.environment` of "
        "OTEL_RESOURCE_ATTRIBUTES.", joined=True),
    Variable("version", ("DD_VERSION",), _text, "",
        "Version of the service. Else `version` of DD_TAGS, `service.version` of OTEL_RESOURCE_ATTRIBUTES.",
        joined=True),
    Variable("tags", ("DD_TAGS",), _pairs, {},
        "Tags for every span: `key:value,key:value`, or blanks instead of commas. Else OTEL_RESOURCE_ATTRIBUTES.",
        joined=True),
    Variable("resource_attributes", ("OTEL_RESOURCE_ATTRIBUTES",), _resource_attributes, {},
        "Resource attributes, `key=value,key=value`; tags for every span too, unless DD_TAGS is set."),
    Variable("hostname", ("DD_HOSTNAME",), _text, "",
        "Name of this host, for DD_TRACE_REPORT_HOSTNAME.", "the system's"),
    Variable("report_hostname", ("DD_TRACE_REPORT_HOSTNAME",), _flag, False,
        "Write the host name on each trace (`_dd.hostname`)."),
    Variable("service_mapping", ("DD_SERVICE_MAPPING",), _pairs, {},
        "Renames services: `from:to,from:to`."),
    Variable("remove_integration_service_names", ("DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED",), _flag, False,
        "Spans of libraries bear the service of the application."),
    Variable("span_attribute_schema", ("DD_TRACE_SPAN_ATTRIBUTE_SCHEMA",), _one_of(("v0", "v1")), "v0",
        "Names of operations: `v0` says `flask.request`, `v1` `http.server.request`. With `v1` spans of libraries bear "
        "the service of the application, and DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED is on."),
    Variable("peer_service_defaults", ("DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED",), _flag, False,
        "Say whom a call went to (`peer.service`) where the span does not: by its database, its RPC service or its "
        "host."),
    Variable("peer_service_mapping", ("DD_TRACE_PEER_SERVICE_MAPPING",), _pairs, {},
        "Renames peer services: `from:to,from:to`."),
    Variable("process_tags", ("DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED",), _flag, True,
        "Say on each trace how this process was started (`_dd.tags.process`)."),
    Variable("git_repository_url", ("DD_TRACE_GIT_METADATA_ENABLED",), _flag, True,
        "`false`: none of the three below is written.", joined=True),
    Variable("git_repository_url", ("DD_GIT_REPOSITORY_URL",), _repository, "",
        "Where the source is, for source code integration; without credentials. Else `git.repository_url` of DD_TAGS.",
        joined=True),
    Variable("git_commit_sha", ("DD_GIT_COMMIT_SHA",), _text, "",
        "Which commit runs. Else `git.commit.sha` of DD_TAGS.", joined=True),
    Variable("main_package", ("DD_MAIN_PACKAGE",), _text, "",
        "The Python package that is run.", joined=True),
    # Switches
    Variable("enabled", ("DD_TRACE_ENABLED",), _flag, None,
        "`false`: nothing is traced, exported or injected. Else `none` in OTEL_TRACES_EXPORTER says so.", "true",
        joined=True),
    Variable("enabled", ("OTEL_SDK_DISABLED",), _flag, False,
        "`true`: nothing is traced, exported or injected, whatever DD_TRACE_ENABLED says.", joined=True),
    Variable("exporters", ("OTEL_TRACES_EXPORTER",), _exporters, ("datadog",),
        "Trace exporters: `datadog`, `otlp`, `console`, any other by the name of its entry point, or several. "
        "`none` means DD_TRACE_ENABLED=false unless that is set."),
    Variable("otlp_protocol", ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
        _one_of(("http/protobuf", "grpc")), "http/protobuf",
        "How the exporter `otlp` talks: `http/protobuf` or `grpc`. Its other variables are OpenTelemetry's own."),
    Variable("debug", ("DD_TRACE_DEBUG", "OTEL_LOG_LEVEL"), _debug, False,
        "Log what we do at level debug (`true`; OTEL_LOG_LEVEL: `debug`)."),
    Variable("startup_logs", ("DD_TRACE_STARTUP_LOGS",), _flag, False,
        "Log one line of JSON at level info when the process starts: the settings in use, secrets masked."),
    Variable("trace_ids_128_bit", ("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED",), _flag, True,
        "`false`: new trace ids have 64 bits."),
    Variable("light_tracer", ("OTEL_DD_LIGHT_TRACER",), _flag, True,
        "`false`: the plain tracer of the OpenTelemetry SDK, for the same traces at a higher cost."),
    Variable("disabled_instrumentors", ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",), _names, frozenset(),
        "Instrumentors that are not loaded, `*` for all."),
    # Agent and writer
    Variable("agent_url", ("DD_TRACE_AGENT_URL",), _url, "",
        "Address of the Agent: `http`, `https` or `unix`. A path is a prefix of the Agent's own.",
        f"DD_AGENT_HOST and DD_TRACE_AGENT_PORT, else `unix://{AGENT_SOCKET}` if it is there, else "
        f"`http://localhost:{DEFAULT_PORT}`", joined=True),
    Variable("agent_url", ("DD_AGENT_HOST", "DD_TRACE_AGENT_HOSTNAME"), _host, "",
        "Host of the Agent.", "localhost", joined=True),
    Variable("agent_url", ("DD_TRACE_AGENT_PORT", "DD_AGENT_PORT"), _port, None,
        "Port of the Agent.", str(DEFAULT_PORT), joined=True),
    Variable("agent_timeout_seconds", ("DD_TRACE_AGENT_TIMEOUT_SECONDS",), _seconds(), 2.0,
        "Longest wait for the Agent, per request."),
    Variable("writer_buffer_bytes", ("DD_TRACE_WRITER_BUFFER_SIZE_BYTES",), _whole(1, _MOST_BYTES), 20 * 1024 * 1024,
        "Most bytes of finished spans that wait to be sent; when full, new ones are dropped and counted."),
    Variable("writer_payload_bytes", ("DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES",), _whole(1, _MOST_BYTES),
        20 * 1024 * 1024, "Most bytes of one request to the Agent."),
    Variable("writer_interval_seconds", ("DD_TRACE_WRITER_INTERVAL_SECONDS",), _seconds(), 1.0,
        "How often finished spans are sent."),
    Variable("writer_headers", ("_DD_TRACE_WRITER_ADDITIONAL_HEADERS",), _headers, {},
        "More headers for the Agent, `name:value,name:value`; for tests."),
    Variable("external_env", ("DD_EXTERNAL_ENV",), _header, "",
        "Which container this is; set by the Datadog admission controller."),
    Variable("shutdown_timeout_seconds", ("OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS",), _seconds(0), 2.0,
        "Longest wait at exit for the last spans to be sent."),
    Variable("partial_flush_enabled", ("DD_TRACE_PARTIAL_FLUSH_ENABLED",), _flag, True,
        "Send finished spans of a long trace before it ends."),
    Variable("partial_flush_min_spans", ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS",), _whole(1, 1_000_000, clamp=True), 300,
        "How many finished spans make a part."),
    Variable("stats_enabled", ("DD_TRACE_STATS_COMPUTATION_ENABLED", "DD_TRACE_COMPUTE_STATS"), _flag, False,
        "Count hits, errors and durations here, if the Agent lets us, and do not send what is not sampled. Else the "
        "Agent counts: all spans are sent to it."),
    Variable("stats_additional_tags", ("DD_TRACE_STATS_ADDITIONAL_TAGS",), _stats_tags, (),
        "Up to four tags that these counts are kept by as well: `region,tier`."),
    # Sampling
    Variable("sampling_rules", ("DD_TRACE_SAMPLING_RULES",), _trace_rules, (),
        "JSON array of rules. A trace is kept at the `sample_rate` (0 to 1) of the first whose `service`, `name`, "
        "`resource` and `tags` (all optional; `*` and `?` are wildcards, case makes no difference) fit its local root "
        "when the decision is needed: when headers are first written, or the trace is sent.", joined=True),
    Variable("sampling_rules", ("DD_TRACE_SAMPLE_RATE",), _rate, None,
        "Rate of the traces that no rule fits, 0 to 1: a last rule for all. Else OTEL_TRACES_SAMPLER is. (ddtrace 4 "
        "has this variable still, and does not read it; its other versions, Datadog's other tracers and we do.)",
        "the Agent's rates", joined=True),
    Variable("sampler", ("OTEL_TRACES_SAMPLER",), _text, "",
        "Twin of the two above, where neither is set: `parentbased_always_on`, `parentbased_always_off` and "
        "`parentbased_traceidratio` (or without `parentbased_`, which means the same here) are a rule for all traces. "
        "Any other name is a sampler of OpenTelemetry's SDK, which then decides what is recorded at all.", joined=True),
    Variable("sampler", ("OTEL_TRACES_SAMPLER_ARG",), _verbatim, "",
        "Rate of `traceidratio`, 0 to 1.", "1", joined=True),
    Variable("rate_limit", ("DD_TRACE_RATE_LIMIT",), _whole(-(2**31), 2**31), 100,
        "Most traces a second that rules keep, in this process; 0 for none, negative for any number."),
    Variable("span_sampling_rules", ("DD_SPAN_SAMPLING_RULES",), _span_rules, None,
        "JSON array of rules for single spans that are kept though their trace is not: `service` and `name` (at least "
        "one), `sample_rate` (1), `max_per_second` (any number).", joined=True),
    Variable("span_sampling_rules", ("DD_SPAN_SAMPLING_RULES_FILE",), _span_rules_file, (),
        "File with such rules, read where DD_SPAN_SAMPLING_RULES is not set.", joined=True),
    Variable("explain_sampling", ("OTEL_DD_EXPLAIN_SAMPLING",), _flag, False,
        "Say on each local root why its trace is kept or dropped: the tag `otel_dd.sampling`, the sentence that "
        "`otel_dd_distro.explain()` gives."),
    Variable("keep_slower_than_seconds", ("OTEL_DD_KEEP_SLOWER_THAN",), _duration, None,
        "Keep a trace whose local root took this long or longer though it was to be dropped: `500ms`, `2s`, a number "
        "alone is seconds. Not if another service was told, or told us, that it is dropped. Its root says so: "
        "`otel_dd.kept_for`, `slow` or `error`."),
    Variable("keep_errors", ("OTEL_DD_KEEP_ERRORS",), _flag, False,
        "Likewise keep a trace of which a span is in error."),
    Variable("keep_limit", ("OTEL_DD_KEEP_LIMIT",), _per_second, 10.0,
        "Most traces a second that the two above keep, in this process; 0 for none, negative for any number."),
    # Propagation
    Variable("extract_styles",
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "DD_TRACE_PROPAGATION_STYLE", "OTEL_PROPAGATORS"),
        _styles, _DEFAULT_STYLES,
        "Headers that are read, in the order given, of " + ", ".join(f"`{style}`" for style in STYLES)
        + "; or `none`. The first that name a trace are believed."),
    Variable("inject_styles",
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", "DD_TRACE_PROPAGATION_STYLE", "OTEL_PROPAGATORS"),
        _styles, _DEFAULT_STYLES,
        "Headers that are written."),
    Variable("extract_first", ("DD_TRACE_PROPAGATION_EXTRACT_FIRST",), _flag, False,
        "Stop at the first style that finds a trace."),
    Variable("extract_behavior", ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT",), _one_of(BEHAVIORS), "continue",
        "`continue` the trace that was found, `restart` with a link to it, or `ignore` it."),
    Variable("tags_max_length", ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH",), _whole(0, 65_536, clamp=True), 512,
        "Longest `x-datadog-tags` header that is written; 0 for none."),
    Variable("baggage_tag_keys", ("DD_TRACE_BAGGAGE_TAG_KEYS",), _list, ("user.id", "account.id", "session.id"),
        "Baggage that becomes a tag `baggage.<key>` of the local root; `*` for all, empty for none.", empty=True),
    # Other exporters
    Variable("otlp_datadog_names", ("OTEL_DD_OTLP_DATADOG_NAMES",), _flag, False,
        "Give the spans that go to OTLP (or any exporter but ours) the attributes `operation.name`, `resource.name`, "
        "`service.name` and `span.type`: a Datadog Agent that receives them shows the names it would get from us."),
    # Databases
    Variable("dbm_propagation_mode", ("DD_DBM_PROPAGATION_MODE",), _one_of(DBM_MODES), "disabled",
        "Comment before SQL statements, for Database Monitoring: `service` tells who sends them, `full` also in which "
        "span. Drivers whose statements it could change (sqlite3) get none."),
    # Django
    Variable("django_middleware", ("DD_DJANGO_INSTRUMENT_MIDDLEWARE", "OTEL_INSTRUMENTATION_DJANGO_MIDDLEWARE"), _flag,
        True, "A span for each call of a middleware."),
    Variable("django_templates", ("DD_DJANGO_INSTRUMENT_TEMPLATES", "OTEL_INSTRUMENTATION_DJANGO_TEMPLATES"), _flag,
        None, "A span for each of Django's templates that is rendered.", _NOT_MINIMAL),
    Variable("django_caches", ("DD_DJANGO_INSTRUMENT_CACHES", "OTEL_INSTRUMENTATION_DJANGO_CACHES"), _flag,
        None, "A span for each operation on one of Django's caches.", _NOT_MINIMAL),
    Variable("django_databases", ("DD_DJANGO_INSTRUMENT_DATABASES", "OTEL_INSTRUMENTATION_DJANGO_DATABASES"), _flag,
        None, "A span for each statement that Django sends with a driver that is not traced itself.", _NOT_MINIMAL),
    Variable("django_templates", ("DD_DJANGO_TRACING_MINIMAL",), _flag, True,
        "False switches the three above on, where they are not set.", joined=True),
    Variable("django_database_prefix", ("DD_DJANGO_DATABASE_SERVICE_NAME_PREFIX",), _text, "",
        "What stands before `<alias>db` in the service of such statements."),
    Variable("django_user_name", ("DD_DJANGO_INCLUDE_USER_NAME", "OTEL_INSTRUMENTATION_DJANGO_USER_NAME"), _flag, True,
        "Say on requests by which name the user is logged in (`django.user.name`)."),
    Variable("django_resource", ("DD_DJANGO_USE_HANDLER_RESOURCE_FORMAT",), _flag, False,
        "Name requests by their view instead of their route: `GET shop.views.item`.", joined=True),
    Variable("django_resource", ("DD_DJANGO_USE_LEGACY_RESOURCE_FORMAT",), _flag, False,
        "Name requests by their view alone, without the method.", joined=True),
    Variable("redis_names_alone", ("DD_REDIS_RESOURCE_ONLY_COMMAND",), _flag, True,
        "`false`: the resource of a Redis command is all of it, not its name alone."),
    Variable("redis_command_length", ("DD_REDIS_CMD_MAX_LENGTH", "OTEL_INSTRUMENTATION_REDIS_COMMAND_LENGTH"),
        _whole(0, 25_000), 1_000,
        "Most characters of a Redis command that are kept, blanks not counted."),
    Variable("memcached_keys", ("DD_TRACE_MEMCACHED_COMMAND_ENABLED", "OTEL_INSTRUMENTATION_MEMCACHED_KEYS"), _flag,
        False, "Show the keys of memcached commands (`memcached.query`)."),
    # HTTP
    Variable("query_string_obfuscation", ("DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP",), _verbatim, None,
        "What to replace by `<redacted>` in query strings; empty: nothing.", "built-in pattern for credentials",
        empty=True),
    Variable("server_query_string", ("DD_HTTP_SERVER_TAG_QUERY_STRING",), _flag, True,
        "Keep the query string in `http.url` of requests received."),
    Variable("client_query_string", ("DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING",), _flag, True,
        "Keep the query string in `http.url` of requests sent."),
    Variable("server_error_statuses", ("DD_TRACE_HTTP_SERVER_ERROR_STATUSES",), _statuses, frozenset(range(500, 600)),
        "Statuses that make a request received an error: `500-599,404`.", "500-599"),
    Variable("header_tags", ("DD_TRACE_HEADER_TAGS",), _header_tags, {},
        "Headers that become tags, of requests and responses: `header,header:tag`. Without a tag it is "
        "`http.request.headers.<header>` or `http.response.headers.<header>`."),
    Variable("client_ip", ("DD_TRACE_CLIENT_IP_ENABLED",), _flag, False,
        "Say on requests received which address they came from (`http.client_ip`, `network.client.ip`)."),
    Variable("client_ip_header", ("DD_TRACE_CLIENT_IP_HEADER",), _header_name, "",
        "The header that has the address.", "the first of `X-Forwarded-For`, `X-Real-IP` and their like"),
    Variable("resource_renaming", ("DD_TRACE_RESOURCE_RENAMING_ENABLED",), _flag, False,
        "Say the simplified path (`http.endpoint`) of requests without a route."),
    Variable("server_request_headers", ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",), _list, (),
        "Request headers, by name or regular expression, that HTTP servers put on spans; DD_TRACE_HEADER_TAGS and "
        "DD_TRACE_CLIENT_IP_ENABLED add to them."),
    Variable("server_response_headers", ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",), _list, (),
        "Response headers that HTTP servers put on spans; DD_TRACE_HEADER_TAGS adds to them."),
    Variable("client_request_headers", ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST",), _list, (),
        "Request headers that HTTP clients put on spans; DD_TRACE_HEADER_TAGS adds to them."),
    Variable("client_response_headers", ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE",), _list, (),
        "Response headers that HTTP clients put on spans; DD_TRACE_HEADER_TAGS adds to them."),
)


class PerInstrumentor(NamedTuple):
    """A family of variables with the name of an instrumentor, upper case, in the middle."""

    field: str
    prefix: str
    suffix: str
    parse: Callable[[str], Any]
    meaning: str
    default: None = None


PER_INSTRUMENTOR: tuple[PerInstrumentor, ...] = (
    PerInstrumentor("instrumentor_enabled", "DD_TRACE_", "_ENABLED", _flag,
        "Whether it is loaded; wins over OTEL_PYTHON_DISABLED_INSTRUMENTATIONS. kombu is not, unless this says so."),
    PerInstrumentor("instrumentor_service", "DD_", "_SERVICE", _text,
        "Service of its spans."),
    PerInstrumentor("instrumentor_distributed_tracing", "DD_", "_DISTRIBUTED_TRACING", _flag,
        "Whether it reads and writes propagation headers; `<NAME>_CLIENT`: whether it writes them."),
    PerInstrumentor("instrumentor_split_by_domain", "DD_", "_SPLIT_BY_DOMAIN", _flag,
        "Whether the host called names the service."),
)
# fmt: on

_OWN_NAMES = frozenset(name for variable in VARIABLES for name in variable.names)


def read(
    environ: Mapping[str, str],
    argv: Sequence[str] | None = None,
    exists: Callable[[str], bool] = os.path.exists,
) -> Settings:
    """Read all settings. Never raises: what cannot be used costs one warning, and its default is used.

    `argv` is the command line as in `sys.argv` (the default), from which a missing service is inferred; `exists`
    tells whether the Agent's usual socket is there.
    """
    given = {
        name: _scrubbed(value)
        for name, value in environ.items()
        if name.startswith(("DD_", "OTEL_", "_DD_TRACE_WRITER_"))
    }
    parsed: dict[str, Any] = {}
    complaints: list[Complaint] = []

    def value_of(variable: Variable) -> Any:
        for name in variable.names:
            if name in parsed:
                return parsed[name]
            text = given.get(name)
            if text is not None and variable.parse is not _verbatim:
                text = text.strip()
            if text or (text is not None and variable.empty):
                parsed[name] = _parsed(name, text, variable, complaints)
                return parsed[name]
        return variable.default

    values = {variable.names[0] if variable.joined else variable.field: value_of(variable) for variable in VARIABLES}
    for family in PER_INSTRUMENTOR:
        values[family.field] = _per_instrumentor(family, given, complaints)

    tags: dict[str, str] = values.pop("DD_TAGS")
    has_git = values.pop("DD_TRACE_GIT_METADATA_ENABLED")
    for field, variable_name, tag in (
        ("git_repository_url", "DD_GIT_REPOSITORY_URL", "git.repository_url"),
        ("git_commit_sha", "DD_GIT_COMMIT_SHA", "git.commit.sha"),
        ("main_package", "DD_MAIN_PACKAGE", "python_main_package"),
    ):
        named, tagged = values.pop(variable_name), tags.get(tag, "") if field != "main_package" else ""
        values[field] = (named or _repository(tagged)) if has_git else ""
    tags = {key: value for key, value in tags.items() if key not in _GIT_TAGS}
    by_handler = values.pop("DD_DJANGO_USE_HANDLER_RESOURCE_FORMAT")
    by_view = values.pop("DD_DJANGO_USE_LEGACY_RESOURCE_FORMAT")
    values["django_resource"] = "handler" if by_handler else "view" if by_view else "route"
    is_minimal = values.pop("DD_DJANGO_TRACING_MINIMAL")
    for field in ("django_templates", "django_caches", "django_databases"):
        if values[field] is None:
            values[field] = not is_minimal
    values["peer_service_defaults"] |= values["span_attribute_schema"] == "v1"
    attributes: dict[str, str] = values["resource_attributes"]
    for field, variable_name, tag, keys in (
        ("service", "DD_SERVICE", "service", ("service.name",)),
        ("env", "DD_ENV", "env", ("deployment.environment.name", "deployment.environment")),
        ("version", "DD_VERSION", "version", ("service.version",)),
    ):
        values[field] = values.pop(variable_name) or tags.get(tag) or _first(attributes, keys)
    if not tags:
        tags = {key: value for key, value in attributes.items() if key not in _UNIFIED}
    values["tags"] = {key: value for key, value in tags.items() if key not in ("service", "env", "version")}

    values["service_is_explicit"] = bool(values["service"])
    if not values["service"]:
        values["service"] = inferred_service(getattr(sys, "argv", ()) if argv is None else argv) or UNNAMED_SERVICE

    enabled, disabled = values.pop("DD_TRACE_ENABLED"), values.pop("OTEL_SDK_DISABLED")
    values["enabled"] = not disabled and (bool(values["exporters"]) if enabled is None else enabled)
    if enabled and not values["exporters"]:
        values["exporters"] = ("datadog",)  # OTEL_TRACES_EXPORTER=none is the twin of DD_TRACE_ENABLED, which hides it

    url, host, port = (values.pop(name) for name in ("DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT"))
    if not url and (host or port):
        url = f"http://{host or 'localhost'}:{port or DEFAULT_PORT}"
    elif not url:
        url = f"unix://{AGENT_SOCKET}" if exists(AGENT_SOCKET) else f"http://localhost:{DEFAULT_PORT}"
    values["agent_url"] = url

    values["sampling_rules"], values["sampler"] = _sampling(values, set(parsed), complaints)
    spans, spans_of_file = values.pop("DD_SPAN_SAMPLING_RULES"), values.pop("DD_SPAN_SAMPLING_RULES_FILE")
    values["span_sampling_rules"] = spans_of_file if spans is None else spans

    for name, text, unusable, field in complaints:
        used = values.get(field) if unusable.instead is _UNSET else unusable.instead
        log.warning("%s=%s: %s; %s is used instead", name, _safe(name, text), unusable, _in_words(used))
    return Settings(**values)


@functools.cache
def current() -> Settings:
    """The settings of this process, read from its environment when first asked for."""
    return read(os.environ)


_GIT_TAGS = frozenset({"git.repository_url", "git.commit.sha", "python_main_package"})
_UNIFIED = frozenset({"service.name", "service.version", "deployment.environment", "deployment.environment.name"})


def _first(attributes: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((attributes[key] for key in keys if attributes.get(key)), "")


def _scrubbed(text: str) -> str:
    """Without the half characters that bytes outside UTF-8 become in `os.environ`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


class Complaint(NamedTuple):
    """Said when all is read: only then is it known what is used instead."""

    name: str
    text: str
    unusable: Unusable
    field: str


def _parsed(name: str, text: str, row: Variable | PerInstrumentor, complaints: list[Complaint]) -> Any:
    try:
        return row.parse(text)
    except Unusable as unusable:
        complaints.append(Complaint(name, text, unusable, row.field if isinstance(row, Variable) else ""))
        return row.default if unusable.instead is _UNSET else unusable.instead


_RATES_OF_SAMPLERS = {"always_on": 1.0, "always_off": 0.0, "traceidratio": None}


def _sampling(values: dict[str, Any], given: set[str], complaints: list[Complaint]) -> tuple[tuple[Rule, ...], str]:
    """The rules, a rate for all as the last of them, and the name of a sampler that is not ours."""
    rules: tuple[Rule, ...] = values.pop("DD_TRACE_SAMPLING_RULES")
    source, rate = "DD_TRACE_SAMPLE_RATE", values.pop("DD_TRACE_SAMPLE_RATE")
    sampler, argument = values.pop("OTEL_TRACES_SAMPLER"), values.pop("OTEL_TRACES_SAMPLER_ARG").strip()
    if sampler and given.isdisjoint({"DD_TRACE_SAMPLING_RULES", "DD_TRACE_SAMPLE_RATE"}):
        name = sampler.lower()
        kind = name.removeprefix("parentbased_")
        if kind not in _RATES_OF_SAMPLERS:
            return rules, sampler
        source, rate = f"OTEL_TRACES_SAMPLER {name}", _RATES_OF_SAMPLERS[kind]
        if kind == name:
            instead = Unusable("a decision of upstream is kept in any case", instead="parentbased_" + kind)
            complaints.append(Complaint("OTEL_TRACES_SAMPLER", sampler, instead, "sampler"))
        if rate is None:
            try:
                rate = _rate(argument or "1")
            except Unusable as unusable:
                rate = 1.0 if unusable.instead is _UNSET else unusable.instead
                complaints.append(Complaint("OTEL_TRACES_SAMPLER_ARG", argument, Unusable(str(unusable), rate), ""))
    if rate is None:
        return rules, ""
    from .sampling.rules import rule_for_all

    return (*rules, rule_for_all(source, rate)), ""


def _per_instrumentor(family: PerInstrumentor, given: Mapping[str, str], complaints: list[Complaint]) -> dict[str, Any]:
    values = {}
    for name, text in given.items():
        text = text.strip()
        middle = name[len(family.prefix) : -len(family.suffix)].lower()
        if text and middle and name.startswith(family.prefix) and name.endswith(family.suffix):
            if name in _OWN_NAMES:
                continue
            value = _parsed(name, text, family, complaints)
            if value is not None:
                values[middle] = value
    return values


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, frozenset, dict)):
        words = value.items() if isinstance(value, dict) else value
        shown = ", ".join(sorted(map(str, words)) if isinstance(value, frozenset) else map(str, words)) or "nothing"
        return shown if len(shown) <= _MOST_WORDS else shown[:_MOST_WORDS] + "..."
    return "nothing" if value in ("", None) else str(value)


def _safe(name: str, text: str) -> str:
    """The value as a log line may show it: short, without line ends, without credentials."""
    if name == "_DD_TRACE_WRITER_ADDITIONAL_HEADERS":
        return "..."
    secret, at, rest = text.rpartition("@")
    if at:
        scheme, sep, _ = secret.partition("://")
        text = (scheme + sep if sep else "") + "***@" + rest
    return repr(text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "...")


# --- the service, from the command line ---


def inferred_service(argv: Sequence[str]) -> str:
    """The name ddtrace 4.16 gives a program started with this `sys.argv`, "" where it finds none.

    It is the package of the first argument that is a path, or else the topmost of its directories that hold Python
    files in one row. Executables (files below a `*bin` directory) and options are passed over; values of options are
    looked at only when nothing else is there. So `gunicorn app:app`, `flask run` and `python -m package` (whose
    `sys.argv` does not hold the package yet when a sitecustomize runs) have no name.
    """
    args = [arg for arg in argv if not _is_program(arg)]
    for values_too in (False, True):
        after_option = False
        for arg in args:
            option = arg.startswith("-")
            if not option and "=" not in arg and (values_too or not after_option):
                try:
                    name = _name_of_path(arg)
                except (OSError, ValueError):  # unreadable directory, NUL in the argument
                    name = None
                if name:
                    return name
                if name is not None:
                    break
            after_option = option
    return ""


def _is_program(arg: str) -> bool:
    base = arg.rpartition("/")[2]
    version = base.removeprefix("python")
    if version != base and (not version or version.replace(".", "", 1).isdecimal()):
        return True
    directory = os.path.dirname(os.path.normpath(arg))
    return any(part.endswith("bin") for part in directory.split("/")) and os.path.isfile(arg)


def _name_of_path(arg: str) -> str | None:
    """None where there is nothing at that path; "" for the root directory."""
    path = os.path.realpath(arg)
    if not os.path.exists(path):
        return None
    directory = path if os.path.isdir(path) else os.path.dirname(path)
    package: list[str] = []
    current = directory
    while os.path.exists(os.path.join(current, "__init__.py")) and current != os.path.dirname(current):
        package.insert(0, os.path.basename(current))
        current = os.path.dirname(current)
    if package:
        return ".".join(package)
    top = current = directory
    while current != os.path.dirname(current) and any(name.endswith(".py") for name in os.listdir(current)):
        top, current = current, os.path.dirname(current)
    return os.path.basename(top)
