"""Log records: the ids of the current trace among their fields, so that logs and traces find each other.

A record is one more carrier. Whoever sets the process's propagator says what goes into records: `records`, if the
global propagator has such an attribute, is the propagator whose `inject` is asked. Without it records stay as they are.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.propagate import get_global_textmap


def correlate(carrier: dict[str, Any]) -> None:
    """Put the fields of the current trace into the fields of a record, where somebody wants that."""
    propagator = getattr(get_global_textmap(), "records", None)
    if propagator is not None:
        propagator.inject(carrier)
