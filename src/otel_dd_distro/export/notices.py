"""Log lines of the writer: at most one warning a minute, whatever goes wrong."""

from __future__ import annotations

import logging
import threading
from collections import Counter

from .shared_times import LAST_LINE, SharedTimes

INTERVAL_S = 60.0

_log = logging.getLogger("otel_dd_distro.export")


class Notices:
    """Collects troubles until a line is due. Safe to use from several threads at once.

    `times` has the last line of all processes that say the same.
    """

    def __init__(self, agent_url: str, times: SharedTimes) -> None:
        self._agent_url = agent_url
        self._times = times
        self._failing = False
        self.forget()

    def forget(self) -> None:
        """Drop what has not been said: a forked child leaves the parent's losses to the parent."""
        # Reentrant, because a signal handler may lose a span while its thread is inside; new, because a fork copies it
        # as it is.
        self._lock = threading.RLock()
        self._clear()

    def dropped(self, reason: str, spans: int, traces: int, detail: str) -> None:
        with self._lock:
            self._spans[reason] += spans
            self._traces += traces
            self._detail = detail

    def trouble(self, detail: str) -> None:
        """Something is wrong, but no span was lost."""
        self._detail = detail

    def due(self) -> tuple[int, str] | None:
        """The level and the text of the line to be logged now, if any."""
        with self._lock:
            if not self._detail or self._times.age_s(LAST_LINE) < INTERVAL_S:
                return None
            text = self._text()
            self._times.note(LAST_LINE)
            self._failing = self._failing or bool(self._spans)
            self._clear()
            return logging.WARNING, text

    def delivered(self) -> tuple[int, str] | None:
        """A payload was taken: the line to be logged if a warning had said that payloads are lost."""
        with self._lock:
            if not self._failing:
                return None
            self._failing = False
        return logging.INFO, f"Datadog Agent at {self._agent_url} accepts traces again"

    def last(self) -> tuple[int, str] | None:
        """At shutdown: a warning if one may be given, else what was lost since the last one as information."""
        with self._lock:
            line = self.due()
            if line is None and self._spans:
                line = logging.INFO, self._text()
                self._clear()
            return line

    def _clear(self) -> None:
        self._spans: Counter[str] = Counter()
        self._traces = 0
        self._detail = ""

    def _text(self) -> str:
        """What is wrong, and what it has cost."""
        text = f"Datadog Agent at {self._agent_url}: {self._detail}"
        if not self._spans:
            return text
        reasons = ", ".join(f"{reason} {spans}" for reason, spans in sorted(self._spans.items()))
        lost = f"{self._spans.total()}, of {self._traces} traces ({reasons})"
        return f"{text}; spans lost since the last such line: {lost}"


def say(line: tuple[int, str] | None) -> None:
    """Log a line; to be called without any lock, because handlers are other people's code."""
    if line is not None:
        _log.log(*line)
