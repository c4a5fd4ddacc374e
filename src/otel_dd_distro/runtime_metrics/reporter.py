"""One thread that sends the readings every ten seconds, in each process that is traced; and a last time at its end."""

from __future__ import annotations

import atexit
import logging
import platform
import threading
from typing import TYPE_CHECKING

from opentelemetry.context import Context, attach, detach

from ..export.loading import own_version
from ..export.signal_safe_event import SignalSafeEvent
from ..export.thread import begins_with_it
from ..forks import on_fork
from ..translate.every_span import process
from .dogstatsd import DogStatsd
from .readings import Readings

if TYPE_CHECKING:
    from ..settings import Settings

log = logging.getLogger("otel_dd_distro")

INTERVAL_S = 10.0


class Reporter:
    """Reads and sends. `start` may be asked again: in a forked child, when its export thread begins."""

    def __init__(self, settings: Settings, interval_s: float = INTERVAL_S) -> None:
        self._settings = settings
        self._interval_s = interval_s
        self._readings = Readings()
        self._client = DogStatsd(settings.dogstatsd_url, _tags(settings))
        self._has_said = False
        self._new_thread()
        on_fork(self._after_fork)

    def _new_thread(self) -> None:
        self._stopping = SignalSafeEvent()
        self._thread: threading.Thread | None = None
        self._started_in = 0

    def start(self) -> None:
        if self._thread is not None or self._stopping.is_set:
            return
        thread = self._thread = threading.Thread(target=self._run, name="otel-dd-runtime-metrics", daemon=True)
        self._started_in = threading.get_native_id()
        # Where threads carry their starter's context, this one would keep a trace for ever.
        token = attach(Context())
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is ending
            self._thread = None
        finally:
            detach(token)

    def stop(self) -> None:
        """Send a last time; the thread ends."""
        if self._thread is not None:
            self._stopping.set()
            self._thread = None
            self.report()
            self._readings.stop()
            self._client.close()

    def report(self) -> None:
        """Read and send, now."""
        try:
            self._client.send(self._readings.take())
        except OSError as error:
            self._client.close()
            if not self._has_said:
                self._has_said = True
                log.warning("Runtime metrics cannot be sent to %s: %s", self._client.url, type(error).__name__)

    def _run(self) -> None:
        stopping, in_greenlet = self._stopping, threading.get_native_id() == self._started_in
        while not stopping.wait(self._interval_s, in_greenlet):
            self.report()

    def _after_fork(self) -> None:
        # The socket is a datagram's: two processes may use it, but the child opens its own.
        self._client.close()
        self._readings.restart()
        self._new_thread()


def _tags(settings: Settings) -> list[str]:
    tags = {"service": settings.service, "env": settings.env, "version": settings.version, **settings.tags}
    if settings.runtime_metrics_runtime_id:
        tags["runtime-id"] = process.current().runtime_id
    tags.update(
        lang="python",
        lang_interpreter=platform.python_implementation(),
        lang_version=platform.python_version(),
        tracer_version=own_version(),
    )
    told = [f"{key}:{value}" for key, value in tags.items() if value]
    if settings.process_tags:
        how = process.tags(settings.service, settings.service_is_explicit)["_dd.tags.process"]
        told += how.split(",") if how else []
    return told


_reporter: Reporter | None = None


def start(settings: Settings) -> None:
    """Report from now on, once for each process."""
    global _reporter
    if _reporter is None:
        _reporter = Reporter(settings)
        begins_with_it.append(_reporter.start)
        atexit.register(_reporter.stop)
    _reporter.start()
