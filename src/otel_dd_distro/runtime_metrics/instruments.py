"""The same readings as OpenTelemetry metrics, for whoever exports those: gauges, read when metrics are collected."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from .readings import Readings


class Gauges:
    """One observable gauge for each metric, of the global meter provider. One reading serves a whole collection."""

    def __init__(self) -> None:
        self._readings = Readings()
        self._told = self._readings.take()
        names = list(self._told)
        meter = get_meter("otel_dd_distro.runtime_metrics")
        for name in names:
            # The first that is asked reads anew.
            meter.create_observable_gauge(name, [partial(self._observe, name, name == names[0])])

    def _observe(self, name: str, reads: bool, _options: CallbackOptions) -> Iterable[Observation]:
        if reads:
            self._told = self._readings.take()
        return [Observation(self._told[name])] if name in self._told else []
