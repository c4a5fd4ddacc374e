"""The pipeline from finished spans to the Agent, connected from the parts of this package; one for each process."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import get_current_span

from . import settings
from .export import loading
from .export.exporter import writer_from
from .export.packing import pack
from .export.queue import Encoded
from .gathering import DatadogSpanProcessor, LocalTraces
from .local_trace import datadog_context
from .local_trace.chunk import Chunk
from .otlp.no_agent import EMPTY, writer_to_nobody
from .otlp.outlets import Outlets
from .propagation.statements import Caller
from .sampling import Sampling, explanation

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

    from .export.info import AgentInfo
    from .export.queue import Counters
    from .local_trace.datadog_context import DatadogContext
    from .settings import Settings
    from .translate import Translator
    from .translate.translator import RootView, SpanMap


class Pipeline:
    """Local traces -> sampling decision -> Datadog spans -> payloads. Starts nothing before the first span ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stats: Stats | None = None
        self._has_agent = "datadog" in settings.exporters
        if settings.stats_enabled and self._has_agent:
            from .stats import Stats

            self._stats = Stats(settings)
        if self._has_agent:
            self._writer = writer_from(settings, self._encode, self._stats)
        else:
            self._writer = writer_to_nobody(settings, self._encode)
        self._outlets = Outlets(self._writer)
        self._sampling = Sampling(settings, lambda: self._writer.rates)
        self._local_traces = LocalTraces(
            self._writer.submit,
            part=settings.partial_flush_min_spans if settings.partial_flush_enabled else 0,
            begins=self._writer.expect,
        )
        self._processor = DatadogSpanProcessor(
            self._local_traces, self._outlets, shutdown_timeout=settings.shutdown_timeout_seconds
        )
        self._writer.ended_by = self._processor.end
        if settings.sampling_rules or settings.dbm_propagation_mode != "disabled":
            # Otherwise the application's first request would wait for it.
            self._translator  # noqa: B018
        self._providers: weakref.WeakSet[TracerProvider] = weakref.WeakSet()

    def serve(self, provider: TracerProvider) -> None:
        """Bring the spans of `provider` to the Agent; asked again, nothing more happens."""
        if provider in self._providers:
            return
        self._providers.add(provider)
        self._processor.serve_one_more()
        provider.add_span_processor(self._processor)

    @functools.cached_property
    def _translator(self) -> Translator:
        """Imported late: starting up should not pay for the names of all libraries, nor a program without spans."""
        made: Translator = loading.module("otel_dd_distro.translate").Translator(self._settings)
        return made

    def _view(self, span: ReadableSpan) -> RootView:
        return self._translator.root_view(span)

    def feed(self, exporter: SpanExporter, provider: TracerProvider) -> None:
        """Bring those spans of `provider` whose trace is kept to an exporter beside the Agent, or in its stead."""
        from .otlp.outlet import Outlet

        self.serve(provider)
        self._outlets.add(Outlet(exporter, provider, self._settings))

    def counters(self) -> Counters:
        """What became of the spans so far."""
        return self._writer.counters()

    def resolve(self, context: Context, span: Span) -> DatadogContext | None:
        """The trace-level state behind a span that is about to be injected, decided now if it was not.

        Where the span is not open here, what was extracted speaks, or what its own context says.
        """
        trace = self._local_traces.of(span)
        if trace is None:
            return datadog_context.from_context(context, span)
        self._sampling.tell(trace, span.get_span_context().trace_id, self._view)
        return trace.context

    def explain(self, span: Span) -> str:
        """Why the trace of an open span is kept or dropped; nothing is decided by asking."""
        trace = self._local_traces.of(span)
        if trace is None:
            return explanation.UNKNOWN
        return explanation.sentence(trace.context)

    def caller(self, span: ReadableSpan) -> Caller:
        """Who sends the statement of a database span that has just begun, and to which service."""
        own = self._translator.defaults(span.resource)
        return Caller(own.service, own.env, own.version, self._translator.service_of(span))

    def _encode(self, chunk: Chunk, info: AgentInfo) -> bytes | Encoded:
        def settle(maps: list[SpanMap], has_root: bool, steering: list[dict[str, Any]]) -> None:
            self._sampling.settle(chunk, maps, has_root, steering, self._translator.root_view)

        trace = self._translator.chunk(chunk, native_events=info.span_events, settle=settle)
        if self._outlets and not chunk.is_again:
            self._outlets.take(chunk, trace)
        return self._packed(chunk, info, trace) if self._has_agent else EMPTY

    def _packed(self, chunk: Chunk, info: AgentInfo, trace: list[SpanMap]) -> bytes | Encoded:
        """The translated spans of a chunk as they are sent, counted first if that is left to us."""
        stats, is_whole = self._stats, chunk.is_whole
        if stats is None or (is_whole is None and not stats.is_active(info)):
            return pack(trace)
        sent = stats.take(trace, is_whole)
        if sent is None:
            return Encoded(b"", 0, is_counted=True, is_ignored=True)
        return Encoded(pack(sent) if sent else b"", len(chunk.spans) if sent is trace else len(sent), is_counted=True)


@functools.cache
def current() -> Pipeline:
    """The pipeline of this process, made from its settings when first asked for."""
    pipeline = Pipeline(settings.current())
    datadog_context.resolve = pipeline.resolve
    return pipeline


def explain(span_or_context: Span | Context | None = None) -> str:
    """Why a trace is kept or dropped, in one sentence, such as `kept: rule 2 checkout* rate 0.5`.

    The trace is that of the current span, or of the span given, or of the current span of the context given. The answer
    begins with `kept`, `dropped`, `undecided` (nothing was sent yet; asking does not decide) or `unknown` (the span is
    not an open span of this process).
    """
    if span_or_context is None or isinstance(span_or_context, Context):
        return current().explain(get_current_span(span_or_context))
    return current().explain(span_or_context)


def counters() -> Counters:
    """How many spans of this process were accepted, sent, queued and dropped so far. Any thread may ask."""
    return current().counters()
