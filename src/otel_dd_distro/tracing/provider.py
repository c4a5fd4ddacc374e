"""The provider of light tracers."""

from __future__ import annotations

# The SDK starts threads by it in a forked child, which waits for ever if its own hook of forks comes after the SDK's.
import concurrent.futures.thread  # noqa: F401
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from ..ids import RandomIds
from .tracer import Tracer

if TYPE_CHECKING:
    from opentelemetry import trace as api
    from opentelemetry.util import types


class TracerProvider(sdk.TracerProvider):
    """The SDK's provider, whose tracers are light ones. Takes the same arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if type(self.id_generator) is RandomIdGenerator:
            self.id_generator = RandomIds()

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: types.Attributes = None,
    ) -> api.Tracer:
        tracer = super().get_tracer(instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        if type(tracer) is sdk.Tracer:
            # Made by the SDK, whose versions make, keep and update their tracers differently: it stays the same object.
            tracer.__class__ = Tracer
        return tracer
