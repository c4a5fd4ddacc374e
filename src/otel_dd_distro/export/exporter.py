"""The native exporter as a plain OpenTelemetry SpanExporter, for other people's span processors."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from .agent import Agent
from .packing import pack
from .writer import Writer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from ..local_trace.chunk import Chunk
    from ..settings import Settings
    from ..stats import Stats
    from .info import AgentInfo
    from .queue import Encoded

EXPORT_WAIT_S = 1.0
"""How long `export` waits for the Agent, so that a processor's own force_flush means something."""


def writer_from(
    settings: Settings, encode: Callable[[Chunk, AgentInfo], bytes | Encoded], stats: Stats | None = None
) -> Writer:
    """A writer as the settings describe it; `stats` is what `encode` counts in, if it does."""
    agent = Agent(
        settings.agent_url,
        timeout_s=settings.agent_timeout_seconds,
        headers=settings.writer_headers,
        external_env=settings.external_env,
    )
    return Writer(
        encode,
        agent,
        stats=stats,
        interval_s=settings.writer_interval_seconds,
        queue_limit_bytes=settings.writer_buffer_bytes,
        payload_limit_bytes=settings.writer_payload_bytes,
        shutdown_limit_s=settings.shutdown_timeout_seconds,
    )


def encoder_from(settings: Settings) -> Callable[[Chunk, AgentInfo], bytes]:
    """Chunk to the msgpack of one trace, for chunks whose sampling priority is known."""
    from ..translate import Translator

    translator = Translator(settings)

    def encode(chunk: Chunk, info: AgentInfo) -> bytes:
        return pack(translator.chunk(chunk, native_events=info.span_events))

    return encode


class DatadogSpanExporter(SpanExporter):
    """A span exporter for any span processor of the SDK; `otel_dd_distro.install` needs none.

    It sends to the Agent that the environment variables name, in Datadog's names. Sampling is the SDK's: our sampling
    rules and the Agent's rates do not apply. A trace is sent in the parts in which the processor exports it. Variables
    are read and the export thread starts with the first export.

    `writer` is for tests; by default one is made from the environment variables.
    """

    def __init__(self, writer: Writer | None = None) -> None:
        self._writer = writer
        self._making = threading.Lock()
        self._closed = False
        self._patient = True

    @property
    def writer(self) -> Writer:
        """The queue and thread that send; made at the first use if none was given."""
        if self._writer is None:
            with self._making:
                if self._writer is None:
                    from ..settings import read

                    settings = read(os.environ)
                    self._writer = writer_from(settings, encoder_from(settings))
        return self._writer

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Queue the spans, and wait up to a second until they are sent.

        Returns SUCCESS if they are queued or sent, FAILURE after `shutdown`.
        """
        if self._closed:
            return SpanExportResult.FAILURE
        writer = self.writer
        # An Agent that kept one batch waiting is not waited for again until it has caught up: the queue has room.
        patient = self._patient or writer.flush(0.0)
        for chunk in chunks(spans):
            writer.submit(chunk)
        self._patient = patient and writer.flush(EXPORT_WAIT_S)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._writer is None or self._writer.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        self._closed = True
        if self._writer is not None:
            self._writer.shutdown()


def chunks(spans: Sequence[ReadableSpan]) -> list[Chunk]:
    """A processor's batch, trace by trace: a chunk without its local root is partial."""
    from ..local_trace.chunk import Chunk
    from ..local_trace.datadog_context import DatadogContext

    traces: dict[int, list[ReadableSpan]] = {}
    for span in spans:
        if span.context is not None:
            traces.setdefault(span.context.trace_id, []).append(span)
    return [
        Chunk(
            trace,
            DatadogContext(priority=1 if any(span.context.trace_flags.sampled for span in trace) else 0),
            partial=all(span.parent is not None and not span.parent.is_remote for span in trace),
            parents={},
        )
        for trace in traces.values()
    ]
