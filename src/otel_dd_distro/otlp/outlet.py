"""Passes spans to another exporter: those of a chunk whose trace is kept, once that is decided."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.environment_variables import OTEL_BSP_MAX_QUEUE_SIZE
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from ..translate.conventions.urls import Urls
from .names import names
from .shown import literals_in, shown

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

    from ..local_trace.chunk import Chunk
    from ..settings import Settings

QUEUE_SIZE = 8_192
"""Spans. They come a chunk at a time, thousands at once after a slow answer of the Agent: more than the SDK holds."""

_SINGLE = "_dd.span_sampling.mechanism"
"""The metric of a span that is kept though its trace is not."""


class Outlet:
    """Brings spans of one provider, known by their resource, to `exporter`, through the SDK's queue and thread.

    They go without the secrets that we know how to find, and with `otlp_datadog_names` with the names that the Agent
    gets of each, too.
    """

    def __init__(self, exporter: SpanExporter, provider: TracerProvider, settings: Settings) -> None:
        size = None if os.environ.get(OTEL_BSP_MAX_QUEUE_SIZE) else QUEUE_SIZE
        self._queue = BatchSpanProcessor(exporter, max_queue_size=size)
        self._provider = provider
        self._urls = Urls(settings)
        self._datadog_names = settings.otlp_datadog_names

    def take(self, chunk: Chunk, maps: Sequence[Mapping[str, Any]]) -> None:
        """Take the spans of a decided chunk; `maps` are the same as the Agent gets them."""
        is_kept = (chunk.context.priority or 0) > 0
        if not is_kept and not any(_SINGLE in entry.get("metrics", ()) for entry in maps):
            return
        by_id = {entry["span_id"]: entry for entry in maps}
        literals = literals_in(chunk.spans)
        for span in chunk.spans:
            # Spans of other providers are their owners' to export.
            if span.resource is not self._provider.resource or span.context is None:
                continue
            entry = by_id.get(span.context.span_id)
            if is_kept or (entry is not None and _SINGLE in entry.get("metrics", ())):
                named = names(entry) if self._datadog_names and entry is not None else {}
                self._queue.on_end(shown(span, named, self._urls, literals))

    def flush(self, timeout_s: float) -> bool:
        return self._queue.force_flush(int(timeout_s * 1000))

    def shutdown(self, timeout_s: float) -> None:
        """Send what there is and end, within `timeout_s` where this version of the SDK can be told."""
        batches: Any = getattr(self._queue, "_batch_processor", None)
        if batches is None:
            self._queue.shutdown()  # type: ignore[no-untyped-call]
        else:
            # The public method waits for 30 s; an endpoint that is down would have the exporter try for most of them.
            batches.shutdown(timeout_millis=int(timeout_s * 1000))
