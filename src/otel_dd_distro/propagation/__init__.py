"""Trace context over the wire: x-datadog-*, W3C with its dd member, B3 and baggage."""

from __future__ import annotations

from ..settings import Settings
from .b3 import B3MultiPropagator, B3Propagator
from .baggage import BaggagePropagator
from .datadog import DatadogPropagator
from .styles import StylesPropagator
from .tracecontext import TraceContextPropagator

__all__ = [
    "B3MultiPropagator",
    "B3Propagator",
    "BaggagePropagator",
    "DatadogPropagator",
    "StylesPropagator",
    "TraceContextPropagator",
    "from_settings",
]


def from_settings(settings: Settings) -> StylesPropagator:
    """The propagator that the environment asks for."""
    return StylesPropagator(
        settings.extract_styles,
        settings.inject_styles,
        first_only=settings.extract_first,
        behavior=settings.extract_behavior,
        tags_max_length=settings.tags_max_length,
        baggage_tag_keys=settings.baggage_tag_keys,
    )
