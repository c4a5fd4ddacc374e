"""The span processor that brings the spans of any OpenTelemetry SDK provider to the Agent."""

from __future__ import annotations

import logging
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span

from ..clock import clock
from ..interruptions import is_interruption, pass_on
from ..local_trace.registry import RegistryProcessor
from .local_traces import LocalTraces

log = logging.getLogger("otel_dd_distro")


class Sink(Protocol):
    """Where chunks go, or what empties it in its turn: what can be asked of it at the end."""

    def flush(self, timeout_s: float) -> bool: ...

    def shutdown(self, timeout_s: float) -> object: ...


class DatadogSpanProcessor(RegistryProcessor):
    """Gathers spans into local traces. One processor may serve several providers: the last one closes it.

    `shutdown_timeout` is in seconds, the longest that the application's exit waits for the Agent, for all providers
    together.
    """

    def __init__(self, local_traces: LocalTraces, sink: Sink, *, shutdown_timeout: float = 2.0) -> None:
        self._local_traces = local_traces
        self._sink = sink
        self._shutdown_timeout = shutdown_timeout
        self._providers = 0
        self._has_failed = False

    @property
    def registry(self) -> LocalTraces | None:
        # A subclass may do more when a span starts or ends: it is told of every one.
        return self._local_traces if type(self) is DatadogSpanProcessor else None

    def serve_one_more(self) -> None:
        """Another provider calls this processor, and will shut it down."""
        self._providers += 1

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        try:
            self._local_traces.start(span, parent_context)
        except Exception as error:  # noqa: BLE001
            self.say_once(error)

    def on_end(self, span: ReadableSpan) -> None:
        try:
            self._local_traces.end(span)
        except Exception as error:  # noqa: BLE001
            self.say_once(error)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send every span that has ended; False when that took longer than `timeout_millis`."""
        self._local_traces.hand_on_all()
        return self._sink.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        begun = clock.monotonic()
        self._providers -= 1
        if self._providers <= 0:
            self.end()
        else:
            self._local_traces.hand_on_all()
            self._sink.flush(self._shutdown_timeout)
        self._shutdown_timeout = max(0.0, self._shutdown_timeout - (clock.monotonic() - begun))

    def end(self) -> None:
        """The process ends at once, whoever else is still to shut this down.

        Servers answer a further signal by an exception (`sys.exit()` in a handler), and a job has a time limit: it may
        come from any line here. The rest is done all the same, to the same deadline, and the exception raised then.
        """
        raised: BaseException | None = None
        while True:
            try:
                self._end()
                break
            except (SystemExit, KeyboardInterrupt) as error:
                raised = error
            except Exception as error:
                if not is_interruption(error):
                    raise
                raised = error
        if raised is not None:
            raise raised

    def _end(self) -> None:
        try:
            self._local_traces.hand_on_unfinished()
        except Exception as error:  # noqa: BLE001
            self.say_once(error)
        self._sink.shutdown(self._shutdown_timeout)

    def say_once(self, error: Exception) -> None:
        """A mistake of ours is logged, and never reaches the application; what its signal handler raises does."""
        pass_on(error)
        if not self._has_failed:
            self._has_failed = True
            log.warning(
                "A span could not be processed and is lost (logged only once): %s: %s",
                type(error).__name__,
                error,
            )
