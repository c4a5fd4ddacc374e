"""The TracerProvider of light tracers, and how any provider of ours survives a fork."""

from __future__ import annotations

import atexit

# The SDK starts threads by it in a forked child, which waits for ever if its own hook of forks comes after the SDK's.
import concurrent.futures.thread  # noqa: F401
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import resources
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.environment_variables import OTEL_EXPERIMENTAL_RESOURCE_DETECTORS
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from ..ids import RandomIds
from .tracer import Tracer

if TYPE_CHECKING:
    from opentelemetry import trace as api
    from opentelemetry.util import types


class ForkingProvider(sdk.TracerProvider):
    """The SDK's provider without what its fork hook does since 1.45: start threads in the child, and wait for them.

    The child may be about to become another program; under gevent, what waits lets the application's greenlets run in
    it. What a signal handler raises while Python's exit waits for the last spans is not told as an error of ours.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self._atexit_handler is not None:
            atexit.unregister(self._atexit_handler)
            self._atexit_handler = atexit.register(self._exit)

    def _exit(self) -> None:
        # The process is ending already: there is nothing that these could end.
        with suppress(SystemExit, KeyboardInterrupt):
            self.shutdown()

    def _handle_fork(self) -> None:
        self._tracers_lock = threading.Lock()
        # Without detectors there is nothing in the resource that another process says otherwise.
        if os.environ.get(OTEL_EXPERIMENTAL_RESOURCE_DETECTORS):
            for detector in resources._build_resource_detectors():
                if detector.is_process_dependent():
                    self._update_resource(detector.detect())


class TracerProvider(ForkingProvider):
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
