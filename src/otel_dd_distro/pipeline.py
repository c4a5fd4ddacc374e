"""From finished spans to the Agent: the rooms of this package, connected. One for each process."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING

from . import settings
from .export.exporter import writer_from
from .export.packing import pack
from .gathering import Chunk, DatadogSpanProcessor, LocalTraces
from .propagation import datadog_context
from .propagation.statements import Caller
from .sampling import Sampling
from .translate import Translator

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.trace import Span

    from .export.info import AgentInfo
    from .export.writer import Counters
    from .propagation.datadog_context import DatadogContext
    from .settings import Settings


class Pipeline:
    """Local traces -> sampling decision -> Datadog spans -> payloads. Starts nothing before the first span ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._translator = Translator(settings)
        self._writer = writer_from(settings, self._encode)
        self._sampling = Sampling(lambda: self._writer.rates, settings.env)
        self._local_traces = LocalTraces(
            self._writer.submit, part=settings.partial_flush_min_spans if settings.partial_flush_enabled else 0
        )
        self._processor = DatadogSpanProcessor(
            self._local_traces, self._writer, shutdown_timeout=settings.shutdown_timeout_seconds
        )
        self._providers: weakref.WeakSet[TracerProvider] = weakref.WeakSet()

    def serve(self, provider: TracerProvider) -> None:
        """Bring the spans of `provider` to the Agent; asked again, nothing more happens."""
        if provider in self._providers:
            return
        self._providers.add(provider)
        self._processor.serve_one_more()
        provider.add_span_processor(self._processor)

    def counters(self) -> Counters:
        """What became of the spans so far."""
        return self._writer.counters()

    def resolve(self, context: Context, span: Span) -> DatadogContext | None:
        """The trace-level state behind a span that is about to be injected, decided now if it was not.

        Where the span is not open here, what was extracted speaks, or what its own context says.
        """
        span_context = span.get_span_context()
        trace = self._local_traces.of(span)
        if trace is None:
            return datadog_context.from_context(context, span)
        if trace.context.priority is None:
            self._sampling.decide(trace.context, span_context.trace_id, self._translator.root_service(trace.root))
        return trace.context

    def caller(self, span: ReadableSpan) -> Caller:
        """Who sends the statement of a database span that has just begun, and to which service."""
        settings = self._settings
        return Caller(settings.service, settings.env, settings.version, self._translator.service_of(span))

    def _encode(self, chunk: Chunk, info: AgentInfo) -> bytes:
        if chunk.context.priority is None:
            root = chunk.root or chunk.spans[0]
            self._sampling.decide(chunk.context, root.context.trace_id, self._translator.root_service(root))
        return pack(self._translator.chunk(chunk, native_events=info.span_events))


@functools.cache
def current() -> Pipeline:
    """The pipeline of this process, made from its settings when first asked for."""
    pipeline = Pipeline(settings.current())
    datadog_context.resolve = pipeline.resolve
    return pipeline


def counters() -> Counters:
    """What became of the spans of this process so far: accepted, sent, dropped by reason, still queued."""
    return current().counters()
