"""Features that an environment variable switches on or off."""

from __future__ import annotations

import os

PREFIX = "OTEL_INSTRUMENTATION_"
"""What the names of all switches begin with."""

_YES = frozenset(("true", "1", "yes", "on"))


def is_on(switch: str, otherwise: bool = False) -> bool:
    """What the variable `OTEL_INSTRUMENTATION_<switch>` says; `otherwise` where it is not set."""
    value = os.environ.get(PREFIX + switch, "").strip().lower()
    return value in _YES if value else otherwise
