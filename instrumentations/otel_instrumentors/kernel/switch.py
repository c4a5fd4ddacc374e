"""Features that an environment variable switches on or off."""

from __future__ import annotations

import os

PREFIX = "OTEL_INSTRUMENTATION_"
"""What the names of all switches begin with."""

_YES = frozenset(("true", "1", "yes", "on"))


def is_on(switch: str, otherwise: bool = False) -> bool:
    """What the variable `OTEL_INSTRUMENTATION_<switch>` says; `otherwise` where it is not set."""
    return is_yes(PREFIX + switch, otherwise)


def is_yes(variable: str, otherwise: bool = False) -> bool:
    """What a variable says that has a name of its own; `otherwise` where it is not set."""
    value = os.environ.get(variable, "").strip().lower()
    return value in _YES if value else otherwise


def listed(variable: str) -> tuple[str, ...]:
    """The entries of a variable."""
    return entries(os.environ.get(variable, ""))


def entries(text: str) -> tuple[str, ...]:
    """What stands between commas, where there is something."""
    return tuple(entry for part in text.split(",") if (entry := part.strip()))
