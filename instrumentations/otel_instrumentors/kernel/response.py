"""Writes the context of the server's span into the response, if somebody has set a propagator for responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.instrumentation import propagators
from opentelemetry.instrumentation.propagators import FuncSetter

from . import safety
from .recording import Recording

Add = Callable[[Any, str, str], None]
"""Adds a header, by name and value, to what has those of a response."""


def propagate_response(headers: Any, recording: Recording, add: Add) -> None:
    """Put the context of the request's span into the headers of its response."""
    propagator = propagators.get_global_response_propagator()  # type: ignore[no-untyped-call]
    if propagator is not None and not recording.ended:
        try:
            propagator.inject(headers, recording.context, FuncSetter(add))  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001
            safety.report("telling a client of its span", error)
