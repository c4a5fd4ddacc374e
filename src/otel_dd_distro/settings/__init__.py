"""Every DD_* and OTEL_* variable that we obey: read once, from any mapping, into one frozen record.

`variables` is the table of them, `parsers` turns a value's text into what it means, `reading` goes through the table,
`combined` makes the fields that several variables decide together, `complaints` says which values cannot be used,
`upstream` keeps OpenTelemetry from those that would stop it.
"""

from __future__ import annotations

from .reading import current, read
from .record import Settings
from .upstream import UPSTREAM
from .variables import PER_INSTRUMENTOR, UNNAMED_SERVICE, VARIABLES, PerInstrumentor, Variable

__all__ = [
    "PER_INSTRUMENTOR",
    "UNNAMED_SERVICE",
    "UPSTREAM",
    "VARIABLES",
    "PerInstrumentor",
    "Settings",
    "Variable",
    "current",
    "read",
]
