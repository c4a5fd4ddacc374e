"""The OpenTelemetry distro: which configurator and which instrumentors `opentelemetry-instrument` loads."""

from __future__ import annotations

import functools
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry.instrumentation.dependencies import DependencyConflictError
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]
from opentelemetry.instrumentation.environment_variables import OTEL_PYTHON_CONFIGURATOR

from . import settings
from .counterparts import SENDERS, THEIR_NAMES, catalogue, libraries_of, own, own_entry_points, support

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

log = logging.getLogger("otel_dd_distro")

LOGGING = frozenset(("logging", "loguru", "structlog"))
"""Instrumentors that are at work where tracing is off, too: formats name the fields that they add."""
_GROUP = "opentelemetry_instrumentor"


class DatadogDistro(BaseDistro):  # type: ignore[misc]
    """Loads our instrumentor where several watch one library, leaves the others alone, and lets none stop the next.

    Ours are loaded when their library is imported: what an application does not use costs it nothing.
    """

    is_in_force = False
    """Whether it is this distro that a loader asks, in this process."""

    def _configure(self, **kwargs: Any) -> None:
        DatadogDistro.is_in_force = True
        # Another distro's configurator must not set the SDK up before ours.
        os.environ.setdefault(OTEL_PYTHON_CONFIGURATOR, "datadog")

    def wants(self, entry_point: EntryPoint, *, is_replacing: bool = False) -> bool:
        """False for an instrumentor that is switched off, or of whose library one of ours goes before it.

        `is_replacing` is said of one of ours that goes before one of somebody else's, which is installed.
        """
        current = settings.current()
        name = entry_point.name
        if self.is_ours(entry_point):
            if not current.enabled and not (current.logs_injection and name in LOGGING):
                return False
            return current.instruments(name, is_replacing=is_replacing) and not current.disables(
                THEIR_NAMES.get(name, ())
            )
        return self._may_load(name) and self._replacing(entry_point) is None

    def _may_load(self, name: str) -> bool:
        """Whether an instrumentor of somebody else's is not switched off."""
        current = settings.current()
        return current.enabled and current.instruments(name, is_replacing=True)

    def _replacing(self, entry_point: EntryPoint) -> EntryPoint | None:
        """Ours that takes the place of this one of somebody else's; None where there is none that can and may."""
        name, ours = entry_point.name, own(entry_point)
        if ours is None or not support(entry_point):
            return None
        if ours != name and not settings.current().instruments(ours, is_replacing=True):
            # Who switches ours off may want theirs.
            return None
        return next(entry for entry in own_entry_points() if (entry.group, entry.name) == (_GROUP, ours))

    def is_ours(self, entry_point: EntryPoint) -> bool:
        return catalogue().get(entry_point.name) == entry_point.value

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Put an instrumentor to work, unless it is not wanted."""
        name = entry_point.name
        if self.is_ours(entry_point):
            if self.wants(entry_point):
                self._load_when_imported(entry_point, kwargs)
            return
        ours = self._replacing(entry_point)
        if ours is None and self._may_load(name):
            self._load(entry_point, kwargs)
        elif name in SENDERS and settings.current().instruments(name) and _sends_logs():
            # Beside ours, which puts ids on records and sends none.
            self._load(entry_point, {**kwargs, **SENDERS[name]})
        elif ours is not None:
            said = "Instrumentor %s of %s is not loaded: ours of %s takes its place"
            log.debug(said, name, entry_point.value, ours.name)
            # Who has installed theirs counts on its spans, also where ours is not loaded without being asked for.
            if not self.wants(ours) and self.wants(ours, is_replacing=True):
                self._load_when_imported(ours, kwargs)

    def _load_when_imported(self, entry_point: EntryPoint, kwargs: dict[str, Any]) -> None:
        if not settings.current().propagates(entry_point.name):
            kwargs["propagate"] = False
        elif not settings.current().propagates(f"{entry_point.name}_client"):
            kwargs["inject"] = False
        if settings.current().links(entry_point.name):
            kwargs["use_span_links"] = True
        libraries = libraries_of(entry_point.name)
        if any(library in sys.modules for library in libraries):
            self._load(entry_point, kwargs)
            return
        load = _Once(functools.partial(self._load_late, entry_point, kwargs))
        for library in libraries:
            wrapt.register_post_import_hook(load, library)

    def _load(self, entry_point: EntryPoint, kwargs: dict[str, Any]) -> None:
        try:
            super().load_instrumentor(entry_point, **kwargs)
        except (DependencyConflictError, ImportError):
            # The upstream loader says these as it always did, and goes on.
            raise
        except Exception as error:  # noqa: BLE001
            # On any other exception it would load no further instrumentor.
            _say(entry_point, error)

    def _load_late(self, entry_point: EntryPoint, kwargs: dict[str, Any]) -> None:
        try:
            # The application may have been faster.
            if not entry_point.load()().is_instrumented_by_opentelemetry:
                super().load_instrumentor(entry_point, **kwargs)
        except Exception as error:  # noqa: BLE001
            _say(entry_point, error)


def _sends_logs() -> bool:
    """Whether somebody has set up a provider of loggers, for OTEL_LOGS_EXPORTER say."""
    from opentelemetry._logs import NoOpLoggerProvider, get_logger_provider
    from opentelemetry._logs._internal import ProxyLoggerProvider

    return not isinstance(get_logger_provider(), (NoOpLoggerProvider, ProxyLoggerProvider))


class _Once:
    """Called with each of several modules, acts at the first."""

    def __init__(self, act: functools.partial[None]) -> None:
        self._act: functools.partial[None] | None = act

    def __call__(self, _module: object) -> None:
        act, self._act = self._act, None
        if act is not None:
            act()


def load_logging() -> None:
    """Put the instrumentors of logging libraries to work, and no others: tracing is off."""
    distro = DatadogDistro()
    for entry in own_entry_points():
        if entry.group == _GROUP and entry.name in LOGGING:
            distro.load_instrumentor(entry, skip_dep_check=True)


def _say(entry_point: EntryPoint, error: Exception) -> None:
    log.warning("Instrumentor %s failed and is skipped: %s: %s", entry_point.name, type(error).__name__, error)
