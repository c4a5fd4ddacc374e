"""Takes over from another distro: OpenTelemetry's loader calls `take_over` before it loads any instrumentor."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]
from opentelemetry.instrumentation.environment_variables import OTEL_PYTHON_DISTRO

from . import settings
from .distro import DatadogDistro

log = logging.getLogger("otel_dd_distro")


def take_over() -> None:
    """Where another distro was only found first, this one is put in its place; where the user named it, that is said.

    What the other one has set up stays: its tracer provider has our exporter beside its own.
    """
    if DatadogDistro.is_in_force or not settings.current().enabled:
        return
    named = os.environ.get(OTEL_PYTHON_DISTRO)
    if named:
        log.warning("%s names %s: nothing is sent to the Datadog Agent by this distro", OTEL_PYTHON_DISTRO, named)
        return
    from .configurator import DatadogConfigurator

    others = list(_in_force(BaseDistro))
    log.warning(
        "%s was loaded before this distro, and what it has set up stays active; %s=datadog loads only this distro",
        ", ".join(type(other).__name__ for other in others) or "Another distro",
        OTEL_PYTHON_DISTRO,
    )
    ours = DatadogDistro()
    ours.configure()
    DatadogConfigurator().configure()
    for other in others:
        # The loader goes on with this object: it is to ask us of each instrumentor.
        other.load_instrumentor = ours.load_instrumentor


def _in_force(kind: Any) -> Iterator[Any]:
    """The distros that were made; each class makes one."""
    for each in kind.__subclasses__():
        if vars(each).get("_instance") is not None and each is not DatadogDistro:
            yield each._instance
        yield from _in_force(each)
