"""A pytest plugin that puts the light tracer in the SDK's place, for the SDK's own tests.

The session `conformance` of noxfile.py runs it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from opentelemetry.sdk import trace as sdk

import otel_dd_distro.tracing

NOT_OURS: dict[str, str] = {}
"""Tests that are left out, by node id, and why. More than five of them would be a fault of our design."""

_BUILT_ON_THE_SDK = (
    "otel_dd_distro.gathering.processor",
    "otel_dd_distro.gathering",
    "otel_dd_distro.tracing.span",
    "otel_dd_distro.tracing.tracer",
    "otel_dd_distro.tracing.provider",
    "otel_dd_distro.tracing",
)
_reload: Callable[[ModuleType], ModuleType] = importlib.reload

assert len(NOT_OURS) <= 5


def _put_ours_in_place() -> None:
    ours = otel_dd_distro.tracing
    for name, light in (("TracerProvider", ours.TracerProvider), ("Tracer", ours.Tracer), ("_Span", ours.Span)):
        setattr(sdk, name, light)


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
