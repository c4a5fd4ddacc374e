"""A pytest plugin that puts the light tracer in the SDK's place, for the SDK's own tests.

The session `conformance` of noxfile.py runs it, twice: with the light tracer alone, and, as CONFORMANCE=short, with our
processor beside, so that spans are started and ended the short way wherever a test brings no processor of its own.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_ON

import otel_dd_distro.gathering
import otel_dd_distro.tracing

NOT_OURS: dict[str, str] = {}
"""Tests that are left out, by node id, and why. More than five of them would be a fault of our design."""

_BUILT_ON_THE_SDK = (
    "otel_dd_distro.local_trace.registry",
    "otel_dd_distro.gathering.processor",
    "otel_dd_distro.gathering",
    "otel_dd_distro.tracing.terms",
    "otel_dd_distro.tracing.span",
    "otel_dd_distro.tracing.tracer",
    "otel_dd_distro.tracing.provider",
    "otel_dd_distro.tracing",
)
_reload: Callable[[ModuleType], ModuleType] = importlib.reload

assert len(NOT_OURS) <= 5


def _put_ours_in_place() -> None:
    ours = otel_dd_distro.tracing
    provider = _provider_of_short_ways() if os.environ.get("CONFORMANCE") == "short" else ours.TracerProvider
    for name, light in (("TracerProvider", provider), ("Tracer", ours.Tracer), ("_Span", ours.Span)):
        setattr(sdk, name, light)


class _Nowhere:
    def flush(self, timeout_s: float) -> bool:
        return True

    def shutdown(self, timeout_s: float) -> None:
        pass


def _provider_of_short_ways() -> type[sdk.TracerProvider]:
    gathering, ours = otel_dd_distro.gathering, otel_dd_distro.tracing

    class Provider(ours.TracerProvider):  # type: ignore[name-defined, misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            multiple = self._active_span_processor
            if type(multiple) is sdk.SynchronousMultiSpanProcessor and not multiple._span_processors:
                traces = gathering.LocalTraces(lambda chunk: None)
                self.add_span_processor(gathering.DatadogSpanProcessor(traces, _Nowhere()))

        def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
            tracer = super().get_tracer(*args, **kwargs)
            if getattr(tracer, "sampler", None) is DEFAULT_ON:
                # It keeps all that these tests start without a parent, and is no sampler for a short way.
                tracer.sampler = ALWAYS_ON
            return tracer

    return Provider


def _reload_both(module: ModuleType) -> ModuleType:
    """Some tests load the SDK anew: what is built on its classes is then built anew too."""
    loaded = _reload(module)
    if module is sdk:
        for name in _BUILT_ON_THE_SDK:
            _reload(sys.modules[name])
        _put_ours_in_place()
    return loaded


importlib.reload = _reload_both
_put_ours_in_place()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if item.nodeid in NOT_OURS]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item.nodeid not in NOT_OURS]


def pytest_runtest_setup(item: pytest.Item) -> None:
    ours = otel_dd_distro.tracing
    assert issubclass(sdk.TracerProvider, ours.TracerProvider), "the SDK's own provider came back"
    assert sdk._Span is ours.Span, "the SDK's own span came back"
