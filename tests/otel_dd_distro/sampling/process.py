"""A process that samples, as far as the sampler knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from otel_dd_distro import settings
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.local_trace.registry import LocalTrace
from otel_dd_distro.sampling import Sampling
from otel_dd_distro.sampling.limiter import Limiter
from otel_dd_distro.translate import Translator
from tests.otel_dd_distro.translate.spans import TRACE_ID


@dataclass
class Root:
    """A local root as the sampler sees it."""

    service: str = "shop"
    name: str = "flask.request"
    resource: str = "GET /cart"
    meta: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


class Process:
    """A process with these variables, up to what it would write of a trace."""

    def __init__(self, rates: Mapping[str, float] | None = None, /, **variables: str) -> None:
        variables.setdefault("DD_ENV", "prod")
        variables.setdefault("DD_SERVICE", "shop")
        self.settings = settings.read(variables, argv=["-"])
        # Time stands still: how many pass is a matter of the limit alone.
        with mock.patch.object(Limiter.__init__, "__defaults__", (lambda: 0.0,)):
            self.sampling = Sampling(self.settings, lambda: rates or {})
        self.translator = Translator(self.settings)

    def decided(self, root: Root | None = None, context: DatadogContext | None = None, id: int = 1) -> DatadogContext:
        context = context or DatadogContext()
        self.sampling.decide(context, id, root or Root())
        return context

    def sent(self, chunk: Chunk) -> list[dict[str, Any]]:
        """The span maps of a chunk, as `pipeline` makes them."""

        def settle(maps: list[dict[str, Any]], has_root: bool, steering: list[dict[str, Any]]) -> None:
            self.sampling.settle(chunk, maps, has_root, steering, self.translator.root_view)

        return self.translator.chunk(chunk, native_events=True, settle=settle)

    def injected(self, trace: LocalTrace) -> DatadogContext:
        self.sampling.tell(trace, TRACE_ID, self.translator.root_view)
        return trace.context


def rules(*given: dict[str, Any]) -> str:
    return json.dumps(given)


def undecided() -> DatadogContext:
    return DatadogContext()


def with_rules(*given: dict[str, Any], **variables: str) -> Process:
    return Process(DD_TRACE_SAMPLING_RULES=rules(*given), **variables)
