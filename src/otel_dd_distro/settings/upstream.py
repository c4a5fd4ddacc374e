"""Variables that OpenTelemetry's API, SDK and exporters read themselves: values they cannot use are removed first.

Left to them, a bad value ends tracing with a traceback when they are imported or made. Their defaults are theirs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from .complaints import NOTHING, Complaint, Unusable, say
from .parsers.addresses import endpoint, file
from .parsers.entry_points import all_installed, installed, names_of
from .parsers.lists import statuses_of_grpc
from .parsers.numbers import milliseconds, seconds, whole
from .parsers.words import one_of

_LARGEST = 2**31
_SIGNALS = ("", "TRACES_", "METRICS_", "LOGS_")


class Upstream(NamedTuple):
    """Variables that are read alike: how, and what is used where one is not set or cannot be used."""

    names: tuple[str, ...]
    parse: Callable[[str], Any]
    default: str
    meaning: str
    empty: bool = False
    """Whether an empty value is a value; else it is taken out as well."""


def _otlp(*whats: str) -> tuple[str, ...]:
    return tuple(f"OTEL_EXPORTER_OTLP_{signal}{what}" for what in whats for signal in _SIGNALS)


_CREDENTIALS = tuple(
    f"OTEL_PYTHON_EXPORTER_OTLP_{protocol}_{signal}CREDENTIAL_PROVIDER"
    for protocol in ("HTTP", "GRPC")
    for signal in _SIGNALS
)

# fmt: off
UPSTREAM: tuple[Upstream, ...] = (
    Upstream(("OTEL_PYTHON_CONTEXT",), installed("opentelemetry_context"), "contextvars_context",
        "What keeps the current span."),
    Upstream(("OTEL_PYTHON_TRACER_PROVIDER",), installed("opentelemetry_tracer_provider"), "ours",
        "A provider that is made in place of ours; its spans are sent as well."),
    Upstream(("OTEL_PYTHON_METER_PROVIDER",), installed("opentelemetry_meter_provider"), "default_meter_provider",
        "The provider of metrics."),
    Upstream(("OTEL_PYTHON_LOGGER_PROVIDER",), installed("opentelemetry_logger_provider"), "default_logger_provider",
        "The provider of logs."),
    Upstream(("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",), all_installed("opentelemetry_resource_detector"), "otel",
        "What finds more resource attributes."),
    Upstream(("OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT",
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT"), whole(0, _LARGEST), "128",
        "How many attributes, events and links are kept; empty for all.", empty=True),
    Upstream(("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"), whole(0, _LARGEST),
        "no limit of theirs; ours is 32768 for spans, 131072 for events",
        "How many characters of an attribute are kept.", empty=True),
    Upstream(("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY"), whole(1, _LARGEST), "5000",
        "Milliseconds between two exports of spans (`BSP`) and log records (`BLRP`) to others than the Agent."),
    Upstream(("OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BLRP_EXPORT_TIMEOUT"), whole(1, _LARGEST), "30000",
        "Longest of these exports, in milliseconds."),
    Upstream(("OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE"), whole(1, _LARGEST), "8192 spans, 2048 records",
        "How many wait for these exports."),
    Upstream(("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"), whole(1, _LARGEST), "512",
        "How many go with one of these exports, at most as many as may wait."),
    Upstream(("OTEL_METRIC_EXPORT_INTERVAL",), milliseconds, "60000",
        "Milliseconds between two exports of metrics."),
    Upstream(("OTEL_METRIC_EXPORT_TIMEOUT",), milliseconds, "30000",
        "Longest export of metrics, in milliseconds."),
    Upstream(("OTEL_METRICS_EXEMPLAR_FILTER",), one_of(("trace_based", "always_on", "always_off")), "trace_based",
        "Which measurements are kept as exemplars."),
    Upstream(_otlp("ENDPOINT"), endpoint, "http://localhost:4318, or 4317 for gRPC",
        "Where the exporter `otlp` sends to."),
    Upstream(_otlp("TIMEOUT"), seconds(), "10",
        "Longest export of `otlp`, in seconds."),
    Upstream(_otlp("COMPRESSION"), one_of(("none", "gzip", "deflate")), "none",
        "How `otlp` compresses: `gzip`, over HTTP also `deflate`."),
    Upstream(_otlp("INSECURE"), one_of(("true", "false")), "what the endpoint says",
        "Whether `otlp` over gRPC goes without TLS."),
    Upstream(("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"),
        one_of(("http/protobuf", "grpc")), "what OTEL_EXPORTER_OTLP_PROTOCOL says",
        "How `otlp` talks, for metrics and for log records."),
    Upstream(("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",), one_of(("cumulative", "delta", "lowmemory")),
        "cumulative", "Whether `otlp` sends sums or differences."),
    Upstream(("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",),
        one_of(("explicit_bucket_histogram", "base2_exponential_bucket_histogram")), "explicit_bucket_histogram",
        "What `otlp` makes of histograms."),
    Upstream(_CREDENTIALS, installed("opentelemetry_otlp_credential_provider"), "none",
        "What signs the requests of `otlp`."),
    Upstream(("OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES",), statuses_of_grpc, "the usual ones",
        "After which answers `otlp` over gRPC tries again."),
    Upstream(("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED",), one_of(("true", "false")), "false",
        "Whether the SDK counts what it does itself."),
    Upstream(_otlp("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"), file, "none",
        "Files for `otlp` over TLS."),
)
# fmt: on

_PROPAGATE = "opentelemetry.propagate"
_ALWAYS_INSTALLED = frozenset({"", "tracecontext", "baggage", "none"})
_unsaid: list[Complaint] = []
_DEFAULTS = {name: row.default for row in UPSTREAM for name in row.names}
_BATCHES = (("OTEL_BSP", 8192), ("OTEL_BLRP", 2048))


def mend(environ: MutableMapping[str, str]) -> None:
    """Take out of `environ` what they could not use, or put in what of it they can; `say_mended` says so.

    To be called before they are imported: some read their variables then.
    """
    for row in UPSTREAM:
        for name in row.names:
            text = environ.get(name)
            if text is not None:
                _mend(environ, row, name, text)
    for family, default in _BATCHES:
        _mend_batch(environ, f"{family}_MAX_EXPORT_BATCH_SIZE", f"{family}_MAX_QUEUE_SIZE", default)
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or ""
    if protocol.strip().lower() == "grpc":
        _mend_compression(environ)
    else:
        _mend_endpoints(environ)


def say_mended() -> None:
    """Log what `mend` has found since it was last said."""
    said, _unsaid[:] = _unsaid[:], []
    say(said, _DEFAULTS)


def import_propagators(environ: MutableMapping[str, str]) -> None:
    """Import what stops at a name in OTEL_PROPAGATORS that is ours alone or not installed, as if it were not there.

    The variable itself stays: our own settings, and those of other processes, say what they make of it.
    """
    names = [name.strip() for name in environ.get("OTEL_PROPAGATORS", "").split(",")]
    if _PROPAGATE in sys.modules or _ALWAYS_INSTALLED.issuperset(names):
        return
    there = names_of("opentelemetry_propagator")
    for usable in (",".join(name for name in names if name in there), None):
        with replaced(environ, "OTEL_PROPAGATORS", usable or None), suppress(Exception):
            importlib.import_module(_PROPAGATE)
            return


@contextmanager
def replaced(environ: MutableMapping[str, str], name: str, instead: str | None = None) -> Iterator[None]:
    """As if that variable were set to something else, or not at all."""
    text = environ.pop(name, None)
    if instead is not None:
        environ[name] = instead
    try:
        yield
    finally:
        environ.pop(name, None)
        if text is not None:
            environ[name] = text


def _mend(environ: MutableMapping[str, str], row: Upstream, name: str, text: str) -> None:
    stripped = text.strip()
    if not stripped:
        if not row.empty:
            del environ[name]
        return
    try:
        row.parse(stripped)
    except Unusable as unusable:
        _complain(environ, name, text, unusable)


def _mend_batch(environ: MutableMapping[str, str], batch: str, queue: str, default: int) -> None:
    largest = int(environ.get(queue, default))
    if batch not in environ and largest < 512:
        environ[batch] = str(largest)
    elif int(environ.get(batch, 0)) > largest:
        _complain(environ, batch, environ[batch], Unusable("more than the queue may hold", instead=str(largest)))


def _mend_compression(environ: MutableMapping[str, str]) -> None:
    """The exporter over gRPC stops at `none`, which is what it does unasked, and at `deflate`."""
    for name in _otlp("COMPRESSION"):
        text = environ.get(name, "gzip").strip().lower()
        if text == "none":
            del environ[name]
        elif text != "gzip":
            _complain(environ, name, text, Unusable("gRPC has no such compression"))


def _mend_endpoints(environ: MutableMapping[str, str]) -> None:
    """The exporter over HTTP takes `host:port` for a scheme."""
    for name in _otlp("ENDPOINT"):
        text = environ.get(name, "").strip()
        if text and "://" not in text:
            _complain(environ, name, text, Unusable("neither http nor https", instead="http://" + text))


def _complain(environ: MutableMapping[str, str], name: str, text: str, unusable: Unusable) -> None:
    _unsaid.append(Complaint(name, text, unusable, name))
    if unusable.instead is NOTHING:
        del environ[name]
    else:
        environ[name] = unusable.instead
