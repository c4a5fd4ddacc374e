"""The OpenTelemetry distro: which configurator and which instrumentors `opentelemetry-instrument` loads."""

from __future__ import annotations

import functools
import logging
import os
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.dependencies import DependencyConflictError
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]
from opentelemetry.instrumentation.environment_variables import OTEL_PYTHON_CONFIGURATOR

from . import settings

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

log = logging.getLogger("otel_dd_distro")

DISTRIBUTION = "otel-dd-distro"
_GROUP = "opentelemetry_instrumentor"


class DatadogDistro(BaseDistro):  # type: ignore[misc]
    """Loads our instrumentor where several bear one name, leaves the others alone, and lets none stop the next."""

    def _configure(self, **kwargs: Any) -> None:
        # Another distro's configurator must not set the SDK up before ours.
        os.environ.setdefault(OTEL_PYTHON_CONFIGURATOR, "datadog")

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Put an instrumentor to work, unless it is switched off or ours of the same name goes before."""
        current = settings.current()
        name = entry_point.name
        if not current.enabled or not current.instruments(name):
            return
        if name in catalogue() and catalogue()[name] != entry_point.value:
            log.debug("Instrumentor %s of %s: ours goes before it", name, entry_point.value)
            return
        if name in catalogue() and not current.propagates(name):
            kwargs["propagate"] = False
        try:
            super().load_instrumentor(entry_point, **kwargs)
        except (DependencyConflictError, ImportError):
            # The upstream loader says these as it always did, and goes on.
            raise
        except Exception as error:  # noqa: BLE001
            # On any other exception it would load no further instrumentor.
            log.warning(
                "Instrumentor %s failed, the others go on without it: %s: %s", name, type(error).__name__, error
            )


@functools.cache
def catalogue() -> dict[str, str]:
    """Our own instrumentors: name -> entry point value. Read from our own distribution alone: reading all is slow."""
    from importlib.metadata import distribution

    return {entry.name: entry.value for entry in distribution(DISTRIBUTION).entry_points if entry.group == _GROUP}
